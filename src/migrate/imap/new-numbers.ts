/**
 * A folder whose UIDs mean something else now (RFC 9051 §2.3.1.1): it was deleted and made anew, or its server had to
 * number it again. Messages that are at the target are recognised by their bytes, what is new comes, what stays
 * unrecognised was deleted at the source; and where the target had the source's UIDs it gets the new ones in the end, all
 * at once. Until then it keeps what it has: a run that dies on the way loses nothing, the next one carries on.
 *
 * A message that the source does not give out now may be one that was copied before: while there are such, every copy
 * that was not recognised stays, and a later run decides.
 */
import { numbersOf, parseRanges, printNumbers } from "../../wire/number-set.ts";
import { lossesOf } from "../ledger/cursor.ts";
import { isStored } from "../ledger/record.ts";
import type { FolderWork } from "./folder-sync.ts";
import { placedRecords } from "./placeless.ts";
import type { Opened } from "./source.ts";

/** The ledger begins anew. */
export async function startAgain(work: FolderWork, opened: Opened): Promise<void> {
  const { ledger, targetFolder, log, folder } = work;
  const { cursor } = ledger;
  const isTargetSame = cursor.targetUidValidity === targetFolder.uidValidity;
  const isNumberedAlike = targetFolder.uidValidity === opened.uidValidity;
  const followed = targetFolder.keepsUids || cursor.renumbers === true;
  log.info("UIDVALIDITY has changed, messages are matched again", {
    folder: folder.name,
    source: cursor.uidValidity !== opened.uidValidity,
    target: !isTargetSame,
  });
  const former = isTargetSame ? await copiedUids(work) : [];
  await ledger.clear();
  ledger.change({
    uidValidity: opened.uidValidity,
    uidNext: 1,
    complete: false,
    // With messages of the former numbers in it the folder cannot have those of the source. Where another folder stands
    // with the source's UIDVALIDITY a run died after it had renumbered.
    keepsUids: isNumberedAlike && !isTargetSame && followed,
    renumbers: isTargetSame && !isNumberedAlike && followed,
    former: printNumbers(former),
    targetUidValidity: targetFolder.uidValidity,
    targetUidNext: 1,
  });
  await ledger.flush();
}

/** At the target, ascending: everything that came from the source, under whatever numbers. */
async function copiedUids(work: FolderWork): Promise<number[]> {
  const copied = formerUids(work);
  if (!work.settings.propagateDeletes) return [];
  for (const { targetUid } of await placedRecords(work)) copied.add(targetUid);
  return ascending(copied);
}

/** UIDs at the target of copies that are not recognised yet. */
export function formerUids({ ledger }: Pick<FolderWork, "ledger">): Set<number> {
  return new Set(numbersOf(parseRanges(ledger.cursor.former ?? "") ?? []));
}

/**
 * Everything that the source still has is recognised: what is left of the former goes, unless something of the source has
 * not come. Answers how many went.
 */
export async function expungeFormer(work: FolderWork, { exists }: Opened): Promise<number> {
  const { ledger, settings, target, targetFolder } = work;
  const former = formerUids(work);
  if (former.size === 0) return 0;
  for await (const { targetUid } of ledger.all()) former.delete(targetUid);
  const losses = lossesOf(ledger.cursor.counts);
  const { saved, already } = ledger.cursor.counts;
  // A list that is too short is a server in trouble; of Gmail's All Mail only a part is copied.
  const isShort = !settings.withoutLabels && saved + already < exists;
  if (settings.propagateDeletes && former.size > 0 && (losses > 0 || isShort)) {
    ledger.change({ former: printNumbers(ascending(former)) });
    const cause = losses > 0 ? `${losses} that the source has did not come` : "the source lists too few";
    work.problem(`${former.size} copies from before its UIDVALIDITY changed are kept: ${cause}`);
    return 0;
  }
  ledger.change({ former: "" });
  if (former.size === 0 || !settings.propagateDeletes) return 0;
  await target.expunge(targetFolder, [...former]);
  return former.size;
}

function ascending(uids: Iterable<number>): number[] {
  return [...uids].sort((a, b) => a - b);
}

/** Everything is there under other UIDs: now it gets those of the source, and the folder its UIDVALIDITY. */
export async function renumber(work: FolderWork, { uidValidity, uidNext }: Opened): Promise<void> {
  const { ledger, target, targetFolder, log, folder } = work;
  const uids = new Map<number, number>();
  const lost: number[] = [];
  let nextUid = uidNext;
  for await (const { uid, targetUid, outcome } of ledger.all()) {
    nextUid = Math.max(nextUid, uid + 1);
    if (isStored({ outcome })) uids.set(targetUid, uid);
    else if (outcome !== "deleted") lost.push(uid);
  }
  const kept = keptUids(ascending(formerUids(work)), lost, nextUid);
  for (const [former, uid] of kept) uids.set(former, uid);
  const renumbered = await target.renumber?.(targetFolder, { uidValidity, uids, nextUid });
  ledger.change({ renumbers: false });
  if (renumbered === undefined) return;
  for await (const record of ledger.all()) {
    if (isStored(record)) await ledger.put({ ...record, targetUid: record.uid });
  }
  const former = printNumbers(ascending(kept.values()));
  ledger.change({ keepsUids: true, targetUidValidity: renumbered.uidValidity, former });
  log.info("folder has the new UIDs of the source", { folder: folder.name, messages: uids.size });
}

/**
 * What is kept of the former goes along: as many as there are losses take their UIDs, so that one that comes after all is
 * recognised; others go behind everything that the source has numbered. Former UID → new UID.
 */
function keptUids(
  former: readonly number[],
  lost: readonly number[],
  nextUid: number,
): ReadonlyMap<number, number> {
  const isEach = former.length === lost.length;
  return new Map(former.map((uid, index) => [uid, isEach ? lost[index]! : nextUid + index]));
}
