/**
 * FolderSync: MS-ASCMD §2.2.1.5. The tree is compared with what the device knows at its key: the last one, or the one
 * before when an answer was lost.
 */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import { FIRST_KEY } from "../cursor/sync-key.ts";
import { DeviceFolders } from "../folders/device-folders.ts";
import {
  advanceRecord,
  compareTrees,
  type DeviceFolder,
  type FolderDifference,
  isEmptyDifference,
  startRecord,
  treeOf,
} from "../folders/folder-record.ts";
import { MAX_LOST_RACES, pageTags } from "../folders/hierarchy-tags.ts";
import { EasRefusal } from "../status.ts";
import type { CommandServices } from "./services.ts";

const OK = 1;
const SYNC_KEY_MISMATCH = 9;
const MALFORMED = 10;

const tags = pageTags;

export function folderSync({ random }: CommandServices): Command {
  return {
    name: "FolderSync",
    async run(request) {
      const key = request.root?.textOf(tags.syncKey);
      if (request.root?.tag !== tagOf("FolderHierarchy:FolderSync") || key === undefined) {
        return failure(MALFORMED);
      }
      for (let attempt = 0; attempt < MAX_LOST_RACES; attempt++) {
        const answer = await answerOnce(request, key, random);
        if (answer !== undefined) return answer;
      }
      throw new EasRefusal("server_error_retry_later", "other requests of this device came in between");
    },
  };
}

/** Undefined when another gateway answered the device meanwhile. */
async function answerOnce(
  request: EasRequest,
  key: string,
  random: CommandServices["random"],
): Promise<EasAnswer | undefined> {
  const { states, account, device } = request;
  const [stored, folders] = await Promise.all([DeviceFolders.load(states, device), account.folders()]);
  const record = stored.record ?? startRecord(random);
  const isStart = key === FIRST_KEY;
  const isCurrent = stored.record !== undefined && key === record.currentKey;
  const isPrevious = stored.record !== undefined && key === record.previousKey && key !== "";
  if (!isStart && !isCurrent && !isPrevious) return failure(SYNC_KEY_MISMATCH);
  const base = isStart ? [] : isCurrent ? record.current : record.previous;
  const next = treeOf(record, folders);
  const difference = compareTrees(base, next.tree);
  if (isCurrent && isEmptyDifference(difference)) return success(key, difference);
  const advanced = advanceRecord(record, next, random, base, isStart ? "" : key);
  if (!(await states.put([stored.change(advanced)]))) return undefined;
  return success(advanced.currentKey, difference);
}

function success(key: string, { adds, updates, deletes }: FolderDifference): EasAnswer {
  const writer = new WbxmlWriter().start(tags.folderSync);
  writer.text(tags.status, OK).text(tags.syncKey, key);
  writer.start(tags.changes).text(tags.count, adds.length + updates.length + deletes.length);
  for (const folder of updates) writeFolder(writer, tags.update, folder);
  for (const { id } of deletes) writer.start(tags.delete).text(tags.serverId, id).end();
  for (const folder of adds) writeFolder(writer, tags.add, folder);
  writer.end().end();
  return { kind: "wbxml", bytes: writer.finish() };
}

function writeFolder(writer: WbxmlWriter, tag: number, folder: DeviceFolder): void {
  writer
    .start(tag)
    .text(tags.serverId, folder.id)
    .text(tags.parentId, folder.parentId)
    .text(tags.displayName, folder.name)
    .text(tags.type, folder.type)
    .end();
}

function failure(status: number): EasAnswer {
  const writer = new WbxmlWriter().start(tags.folderSync).text(tags.status, status).end();
  return { kind: "wbxml", bytes: writer.finish() };
}
