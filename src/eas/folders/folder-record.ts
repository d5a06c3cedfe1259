/**
 * The folder tree as a device knows it, at the two newest keys of FolderSync, and the ids that were given. An id belongs to
 * one folder for ever: a folder that was deleted and made again gets a new one.
 */
import type { Random } from "../../base/io/random.ts";
import type { Folder, FolderUse } from "../account/port.ts";
import { newKey, nextKey } from "../cursor/sync-key.ts";

/** A folder of the account with the device's words for it. */
export interface DeviceFolder {
  /** CollectionId. */
  readonly id: string;
  readonly key: string;
  /** "0" = top. */
  readonly parentId: string;
  readonly name: string;
  /** MS-ASCMD §2.2.3.186.3. */
  readonly type: number;
}

export interface FolderRecord {
  readonly currentKey: string;
  /** "" = none. */
  readonly previousKey: string;
  readonly current: readonly DeviceFolder[];
  readonly previous: readonly DeviceFolder[];
  readonly nextId: number;
  /** FolderCreate, FolderUpdate or FolderDelete with the previous key, to be answered again when it is repeated. */
  readonly done: DoneChange | undefined;
}

export interface DoneChange {
  readonly command: string;
  readonly parameters: string;
  /** Id of a folder that was made; "" otherwise. */
  readonly id: string;
}

export interface FolderDifference {
  readonly adds: readonly DeviceFolder[];
  readonly updates: readonly DeviceFolder[];
  readonly deletes: readonly DeviceFolder[];
}

const TYPES: Readonly<Record<NonNullable<FolderUse>, number>> = {
  inbox: 2,
  drafts: 3,
  trash: 4,
  sent: 5,
  outbox: 6,
  junk: 12,
  archive: 12,
};
/** User-created folders of each class. */
const CLASS_TYPES: Readonly<Record<Folder["class"], number>> = {
  mail: 12,
  calendar: 13,
  contacts: 14,
  tasks: 15,
  notes: 17,
};
export const TOP_ID = "0";

export function startRecord(random: Random): FolderRecord {
  return {
    currentKey: newKey(random),
    previousKey: "",
    current: [],
    previous: [],
    nextId: 1,
    done: undefined,
  };
}

export function decodeRecord(value: Buffer): FolderRecord {
  return JSON.parse(value.toString("utf8")) as FolderRecord;
}

export function encodeRecord(record: FolderRecord): Buffer {
  return Buffer.from(JSON.stringify(record));
}

/** The account's folders with the ids that the device knows or will get. */
export function treeOf(
  record: FolderRecord,
  folders: readonly Folder[],
): { readonly tree: readonly DeviceFolder[]; readonly nextId: number } {
  const ids = new Map<string, string>();
  for (const { key, id } of [...record.previous, ...record.current]) ids.set(key, id);
  let { nextId } = record;
  for (const { key } of folders) if (!ids.has(key)) ids.set(key, String(nextId++));
  const tree = folders.map((folder) => ({
    id: ids.get(folder.key)!,
    key: folder.key,
    parentId: (folder.parentKey === undefined ? undefined : ids.get(folder.parentKey)) ?? TOP_ID,
    name: folder.name,
    type: folder.use === undefined ? CLASS_TYPES[folder.class] : TYPES[folder.use],
  }));
  return { tree, nextId };
}

/** What turns `before` into `after`: parents are added before and deleted after what is below them. */
export function compareTrees(
  before: readonly DeviceFolder[],
  after: readonly DeviceFolder[],
): FolderDifference {
  const known = new Map(before.map((folder) => [folder.id, folder]));
  const kept = new Set(after.map(({ id }) => id));
  return {
    adds: parentsFirst(after.filter(({ id }) => !known.has(id))),
    updates: after.filter((folder) => {
      const old = known.get(folder.id);
      return old !== undefined && !isSame(old, folder);
    }),
    deletes: parentsFirst(before.filter(({ id }) => !kept.has(id))).toReversed(),
  };
}

export function isEmptyDifference({ adds, updates, deletes }: FolderDifference): boolean {
  return adds.length + updates.length + deletes.length === 0;
}

function isSame(a: DeviceFolder, b: DeviceFolder): boolean {
  return a.parentId === b.parentId && a.name === b.name && a.type === b.type;
}

function parentsFirst(folders: readonly DeviceFolder[]): DeviceFolder[] {
  const waiting = new Map(folders.map((folder) => [folder.id, folder]));
  const ordered: DeviceFolder[] = [];
  const place = (folder: DeviceFolder): void => {
    if (!waiting.delete(folder.id)) return;
    const parent = waiting.get(folder.parentId);
    if (parent !== undefined) place(parent);
    ordered.push(folder);
  };
  for (const folder of folders) place(folder);
  return ordered;
}

/** The record after the device was told, or itself made, a new tree. */
export function advanceRecord(
  record: FolderRecord,
  next: { readonly tree: readonly DeviceFolder[]; readonly nextId: number },
  random: Random,
  from: readonly DeviceFolder[] = record.current,
  fromKey: string = record.currentKey,
  done?: DoneChange,
): FolderRecord {
  return {
    currentKey: nextKey(record.currentKey, random),
    previousKey: fromKey,
    previous: from,
    current: next.tree,
    nextId: next.nextId,
    done,
  };
}
