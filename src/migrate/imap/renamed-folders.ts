/**
 * Folders that the source has renamed or moved since the last run. OBJECTID (RFC 8474) says it outright; else a folder that
 * went and one that came with the same UIDVALIDITY are one, if that number has no other bearer on either side.
 */
import type { FolderLedger } from "../ledger/folder-ledger.ts";
import type { Folder } from "../../imap/client-folders.ts";

export interface RenamedFolder {
  readonly ledger: FolderLedger;
  readonly folder: Folder;
}

export function renamedFolders(
  known: ReadonlyMap<string, FolderLedger>,
  listed: readonly Folder[],
  deleted: ReadonlySet<string>,
): readonly RenamedFolder[] {
  const gone = [...known.values()].filter(({ sourceFolder }) => deleted.has(sourceFolder));
  const fresh = listed.filter(({ name, status }) => status !== undefined && !known.has(name));
  const renamed: RenamedFolder[] = [];
  for (const ledger of gone) {
    const folder = fresh.find((candidate) => isSame(ledger, candidate, gone, listed));
    if (folder !== undefined) renamed.push({ ledger, folder });
  }
  // Parents first: with some servers their children follow by themselves.
  return renamed.sort((a, b) => a.folder.path.length - b.folder.path.length);
}

function isSame(
  { cursor }: FolderLedger,
  { status, name }: Folder,
  gone: readonly FolderLedger[],
  listed: readonly Folder[],
): boolean {
  if (status === undefined) return false;
  if (cursor.mailboxId !== "" && status.mailboxId !== "") return cursor.mailboxId === status.mailboxId;
  if (cursor.uidValidity !== status.uidValidity || status.uidNext < cursor.uidNext) return false;
  const others = listed.filter(
    (other) => other.name !== name && other.status?.uidValidity === status.uidValidity,
  );
  const rivals = gone.filter((other) => other.cursor.uidValidity === status.uidValidity);
  return others.length === 0 && rivals.length === 1;
}
