/**
 * What FolderCreate, FolderUpdate and FolderDelete share: the device changes its tree at its key, gets the next key, and a
 * repeated request gets the same answer. Changes of others since are told by the next FolderSync.
 */
import type { Random } from "../../base/io/random.ts";
import { type Tag } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { type Account, AccountError, type AccountErrorCode } from "../account/port.ts";
import type { EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { EasRefusal } from "../status.ts";
import { DeviceFolders } from "./device-folders.ts";
import { advanceRecord, type DeviceFolder, type FolderRecord, treeOf } from "./folder-record.ts";
import { MAX_LOST_RACES, pageTags as tags } from "./hierarchy-tags.ts";

/** Status values that the three commands have in common: MS-ASCMD §2.2.3.177.3 to 5. */
export const FolderStatus = {
  ok: 1,
  exists: 2,
  special: 3,
  missing: 4,
  parentMissing: 5,
  serverError: 6,
  syncKeyMismatch: 9,
  malformed: 10,
} as const;

export class FolderFailure extends Error {
  override name = "FolderFailure";
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface FolderChange {
  readonly command: string;
  readonly root: Tag;
  /** Status of each refusal of the account; others are a server error. */
  readonly statuses: Partial<Record<AccountErrorCode, number>>;
  /** Acts on the account; answers the key of a folder that was made. @throws FolderFailure, AccountError */
  act(
    account: Account,
    folders: DeviceFolders,
    root: Element,
  ): Promise<{ readonly madeKey: string | undefined }>;
}

export async function changeFolders(
  request: EasRequest,
  change: FolderChange,
  random: Random,
): Promise<EasAnswer> {
  const { root } = request;
  const key = root?.textOf(tags.syncKey);
  if (root?.tag !== change.root || key === undefined) return failed(change, FolderStatus.malformed);
  const parameters = JSON.stringify(
    [tags.serverId, tags.parentId, tags.displayName].map((tag) => root.textOf(tag) ?? ""),
  );
  const folders = await DeviceFolders.load(request.states, request.device);
  const { record } = folders;
  if (record === undefined) return failed(change, FolderStatus.syncKeyMismatch);
  const { done } = record;
  if (key === record.previousKey && done?.command === change.command && done.parameters === parameters) {
    return succeeded(change, record.currentKey, done.id);
  }
  if (key !== record.currentKey) return failed(change, FolderStatus.syncKeyMismatch);
  try {
    const { madeKey } = await change.act(request.account, folders, root);
    return await save(request, change, { key, parameters, madeKey }, random);
  } catch (error) {
    if (error instanceof FolderFailure) return failed(change, error.status);
    if (!(error instanceof AccountError)) throw error;
    if (error.code === "unavailable") throw new EasRefusal("server_error_retry_later", error.message);
    request.log.info("folder not changed", { command: change.command, err: error });
    return failed(change, change.statuses[error.code] ?? FolderStatus.serverError);
  }
}

/** The account has the change: the device's tree follows, also when another gateway wrote meanwhile. */
async function save(
  request: EasRequest,
  change: FolderChange,
  acted: { readonly key: string; readonly parameters: string; readonly madeKey: string | undefined },
  random: Random,
): Promise<EasAnswer> {
  for (let attempt = 0; attempt < MAX_LOST_RACES; attempt++) {
    const folders = await DeviceFolders.load(request.states, request.device);
    const { record } = folders;
    if (record?.currentKey !== acted.key) return failed(change, FolderStatus.syncKeyMismatch);
    const next = treeOf(record, await request.account.folders());
    const made = next.tree.find(({ key }) => key === acted.madeKey);
    const tree = ownChangeOnly(record, next.tree, made, request.root!);
    const done = { command: change.command, parameters: acted.parameters, id: made?.id ?? "" };
    const after = { tree, nextId: next.nextId };
    const advanced = advanceRecord(record, after, random, record.current, record.currentKey, done);
    if (await request.states.put([folders.change(advanced)])) {
      return succeeded(change, advanced.currentKey, done.id);
    }
  }
  throw new EasRefusal("server_error_retry_later", "other requests of this device came in between");
}

/** The tree at the device after its change: what else is new waits for FolderSync. */
function ownChangeOnly(
  record: FolderRecord,
  now: readonly DeviceFolder[],
  made: DeviceFolder | undefined,
  root: Element,
): DeviceFolder[] {
  const byId = new Map(now.map((folder) => [folder.id, folder]));
  const id = root.textOf(tags.serverId);
  const gone = id !== undefined && !byId.has(id) ? withChildren(record.current, id) : new Set<string>();
  const tree = record.current
    .filter((folder) => !gone.has(folder.id))
    .map((folder) => (folder.id === id ? (byId.get(folder.id) ?? folder) : folder));
  return made === undefined ? tree : [...tree, made];
}

function withChildren(tree: readonly DeviceFolder[], id: string): Set<string> {
  const ids = new Set([id]);
  for (let size = 0; size < ids.size;) {
    size = ids.size;
    for (const folder of tree) if (ids.has(folder.parentId)) ids.add(folder.id);
  }
  return ids;
}

function succeeded(change: FolderChange, key: string, madeId: string): EasAnswer {
  const writer = new WbxmlWriter().start(change.root);
  writer.text(tags.status, FolderStatus.ok).text(tags.syncKey, key);
  if (madeId !== "") writer.text(tags.serverId, madeId);
  return { kind: "wbxml", bytes: writer.end().finish() };
}

function failed(change: FolderChange, status: number): EasAnswer {
  const writer = new WbxmlWriter().start(change.root).text(tags.status, status).end();
  return { kind: "wbxml", bytes: writer.finish() };
}
