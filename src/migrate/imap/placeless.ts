/**
 * Messages of which the target did not tell under what UIDs it stored them (no UIDPLUS, RFC 4315). One that changes at the
 * source is looked for there: by size and date first, then by its bytes.
 *
 * Several that are alike in all of this are taken in the order in which they were appended, if the target has as many of
 * them as were copied. With more or fewer of them nobody can tell: such are left alone, and the caller says so.
 */
import type { FolderLedger } from "../ledger/folder-ledger.ts";
import { isStored, type LedgerRecord } from "../ledger/record.ts";
import { printNumbers } from "../../wire/number-set.ts";
import type { MailTarget, TargetFolder } from "./target.ts";

export interface PlacelessWork {
  readonly target: MailTarget;
  readonly targetFolder: TargetFolder;
  readonly ledger: FolderLedger;
}

export function isPlaceless(record: LedgerRecord): boolean {
  return isStored(record) && record.targetUid === 0;
}

/** Records as they stand in the ledger afterwards; those that were not found have no UID still. */
export async function place(
  { target, targetFolder, ledger }: PlacelessWork,
  records: readonly LedgerRecord[],
): Promise<readonly LedgerRecord[]> {
  const wanted = new Set(records.filter((record) => isPlaceless(record)).map(keyOf));
  if (wanted.size === 0) return records;
  const placed = new Map<number, LedgerRecord>();
  const groups = new Map<string, LedgerRecord[]>();
  const known = new Set<number>();
  for await (const record of ledger.all()) {
    const key = keyOf(record);
    if (record.targetUid > 0) known.add(record.targetUid);
    // Found since the caller has read it.
    if (record.targetUid > 0 && wanted.has(key)) placed.set(record.uid, record);
    if (!isPlaceless(record) || !wanted.has(key)) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [record]);
    else group.push(record);
  }
  const strays = await target.strays(targetFolder, 1, known);
  for (const group of groups.values()) {
    const uids = await strays.alike(group[0]!);
    if (uids.length !== group.length) continue;
    for (const [index, record] of group.entries()) {
      const found = { ...record, targetUid: uids[index]! };
      placed.set(record.uid, found);
      await ledger.put(found);
    }
  }
  return records.map((record) => (isPlaceless(record) ? (placed.get(record.uid) ?? record) : record));
}

/** Everything that was copied and is found at the target. */
export async function placedRecords(work: PlacelessWork): Promise<readonly LedgerRecord[]> {
  const stored: LedgerRecord[] = [];
  for await (const record of work.ledger.all()) if (isStored(record)) stored.push(record);
  return (await place(work, stored)).filter(({ targetUid }) => targetUid > 0);
}

/** What to tell of those that could not be placed; undefined = nothing. */
export function unplacedText(what: string, records: readonly LedgerRecord[]): string | undefined {
  const uids = records.filter((record) => isPlaceless(record)).map(({ uid }) => uid);
  if (uids.length === 0) return undefined;
  const set = printNumbers(uids.sort((a, b) => a - b));
  const named = set.length > MAX_NAMED ? `${set.slice(0, MAX_NAMED)}…` : set;
  return `${uids.length} ${what}, and the target does not tell which they are there: UID ${named} of the source`;
}

const MAX_NAMED = 200;

function keyOf({ sizeBytes, internalDate, guid }: LedgerRecord): string {
  return `${sizeBytes} ${internalDate} ${guid}`;
}
