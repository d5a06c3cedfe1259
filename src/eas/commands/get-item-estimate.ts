/** GetItemEstimate: MS-ASCMD §2.2.1.9. Counts what Sync would send with the key, without moving anything. */
import { MAX_UINT32 } from "../../base/numbers.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import { CollectionRecord } from "../cursor/collection-record.ts";
import { sinceOf } from "../cursor/filter-since.ts";
import { isStale, planBatch } from "../cursor/plan.ts";
import { FIRST_KEY } from "../cursor/sync-key.ts";
import type { Element } from "../element.ts";
import { DeviceFolders } from "../folders/device-folders.ts";
import { MAX_COLLECTIONS } from "../sync/sync-request.ts";
import { syncTags } from "../sync/sync-tags.ts";
import type { CommandServices } from "./services.ts";

const tags = {
  root: tagOf("GetItemEstimate:GetItemEstimate"),
  collections: tagOf("GetItemEstimate:Collections"),
  collection: tagOf("GetItemEstimate:Collection"),
  collectionId: tagOf("GetItemEstimate:CollectionId"),
  class: tagOf("GetItemEstimate:Class"),
  estimate: tagOf("GetItemEstimate:Estimate"),
  response: tagOf("GetItemEstimate:Response"),
  status: tagOf("GetItemEstimate:Status"),
} as const;

/** MS-ASCMD §2.2.3.177.6. */
const Status = { ok: 1, collectionInvalid: 2, notPrimed: 3, keyInvalid: 4 } as const;
const PROTOCOL_ERROR = 103;

export function getItemEstimate({ clock }: CommandServices): Command {
  return {
    name: "GetItemEstimate",
    async run(request): Promise<EasAnswer> {
      const collections = request.root?.child(tags.collections)?.all(tags.collection) ?? [];
      const writer = new WbxmlWriter().start(tags.root);
      if (
        request.root?.tag !== tags.root ||
        collections.length === 0 ||
        collections.length > MAX_COLLECTIONS
      ) {
        return { kind: "wbxml", bytes: writer.text(tags.status, PROTOCOL_ERROR).end().finish() };
      }
      const folders = await DeviceFolders.load(request.states, request.device);
      for (const collection of collections) {
        const { status, estimate } = await estimateOf(request, collection, folders, clock.nowMs());
        writer.start(tags.response).text(tags.status, status);
        writer.start(tags.collection);
        if (request.version < 140) writer.text(tags.class, "Email");
        writer.text(tags.collectionId, collection.textOf(tags.collectionId) ?? "");
        if (status === Status.ok) writer.text(tags.estimate, estimate);
        writer.end().end();
      }
      return { kind: "wbxml", bytes: writer.end().finish() };
    },
  };
}

async function estimateOf(
  request: EasRequest,
  element: Element,
  folders: DeviceFolders,
  nowMs: number,
): Promise<{ readonly status: number; readonly estimate: number }> {
  const failed = (status: number): { status: number; estimate: number } => ({ status, estimate: 0 });
  const id = element.textOf(tags.collectionId) ?? "";
  const folder = folders.byId(id);
  if (folder === undefined) return failed(Status.collectionInvalid);
  const key = element.textOf(syncTags.syncKey) ?? FIRST_KEY;
  if (key === FIRST_KEY) return failed(Status.notPrimed);
  const { userId, deviceId } = request.device;
  const stored = await request.states.get({ userId, deviceId, kind: "collection", key: id });
  const record = stored === undefined ? undefined : CollectionRecord.decode(stored.value);
  if (record === undefined) return failed(Status.notPrimed);
  const { head, batch } = record;
  const isLast = key === head.currentKey;
  if ((!isLast && key !== head.previousKey) || head.folderKey !== folder.key)
    return failed(Status.keyInvalid);
  try {
    const collection = await request.account.openMail(folder.key);
    try {
      const cursor = record.copyOfCursor();
      if (head.epoch !== collection.epoch || isStale(cursor, collection)) return failed(Status.keyInvalid);
      const options = element.child(syncTags.options);
      const filterType = options?.numberOf(syncTags.filterType) ?? head.filterType;
      const wanted = { since: sinceOf(filterType, nowMs), window: MAX_UINT32 };
      const plan = await planBatch(cursor, collection, wanted);
      const repeated = isLast
        ? 0
        : batch.adds.length + batch.changes.length + batch.deletes.length + batch.softDeletes.length;
      return { status: Status.ok, estimate: plan.count + repeated };
    } finally {
      collection.release();
    }
  } catch (error) {
    if (error instanceof AccountError && error.code === "folder_missing") {
      return failed(Status.collectionInvalid);
    }
    throw error;
  }
}
