/** The records of a mailbox that a replica does not have, as one state of the mailbox: header and records belong together. */
import { SystemFlag, type Mailbox, type MailboxId, type MessageRecord } from "../../store/model.ts";
import type { SyncRun } from "./run.ts";

/** What the replica has: everything up to a modseq, and no UID above the last. */
export interface Base {
  readonly modseq: number;
  readonly lastUid: number;
}

/** Up to so many changes the view is asked, which remembers recent ones; above it the index is read. */
const FEW_CHANGES = 1000;
/** The index may show a commit an instant before the catalog does. */
const MAX_TRIES = 1000;

export interface Collected {
  readonly own: Mailbox;
  readonly records: readonly MessageRecord[];
}

/** More are not held: they are read while they are sent. */
const MAX_COLLECTED = 10_000;

/** `complete`: also records above the last UID with a low modseq, which a broken-off copy leaves. undefined: the mailbox is gone. */
export async function collect(
  run: SyncRun,
  id: MailboxId,
  base: Base,
  complete: boolean,
): Promise<Collected | "many" | undefined> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const before = run.store.mailboxes.byId(id);
    if (before === undefined || before.intermediate) {
      return before === undefined ? undefined : { own: before, records: [] };
    }
    const isFew = !complete && base.modseq > 0 && before.highestModseq - base.modseq <= FEW_CHANGES;
    const found = isFew ? await fromView(run, before, base) : fromIndex(run, before, base, complete);
    if (found === "many") return found;
    if (found !== undefined && found.records.every(({ modseq }) => modseq <= found.own.highestModseq)) {
      return found;
    }
    await new Promise<void>((resolve) => run.clock.setTimer(1, resolve));
  }
  return undefined;
}

function fromIndex({ store }: SyncRun, own: Mailbox, base: Base, complete: boolean): Collected | "many" {
  const records: MessageRecord[] = [];
  const options = complete ? {} : { sinceModseq: base.modseq };
  for (const group of store.readRecords(own.id, { ...options, includeExpunged: true })) {
    for (const record of group) if (isNews(record, base)) records.push(record);
    if (records.length > MAX_COLLECTED) return "many";
  }
  return { own, records };
}

async function fromView(run: SyncRun, before: Mailbox, base: Base): Promise<Collected | "many" | undefined> {
  const { id } = before;
  const view = await run.store.open(id);
  try {
    // The header of the view itself: the catalog may show a later commit, whose records the view does not have.
    const own = view.mailbox;
    const isOlder =
      own.highestModseq < before.highestModseq ||
      own.folderModseq < before.folderModseq ||
      own.name !== before.name;
    if (isOlder) return fromIndex(run, before, base, false);
    const modseq = base.modseq as Mailbox["highestModseq"];
    const vanished = view.vanishedSince(modseq);
    if (vanished === "unknown") return fromIndex(run, own, base, false);
    const changed = view.changedSince(modseq);
    // One commit may change many messages.
    if (changed.length + vanished.length > MAX_COLLECTED) return "many";
    const uids = [...changed, ...vanished].sort((a, b) => a - b);
    const records = uids.map((uid) => run.store.findRecord(id, uid));
    return { own, records: records.filter((record) => record !== undefined) };
  } finally {
    view.release();
  }
}

export function isNews(record: MessageRecord, base: Base): boolean {
  return record.modseq > base.modseq || record.uid > base.lastUid;
}

export function isExpunged({ systemFlags }: MessageRecord): boolean {
  return (systemFlags & SystemFlag.expunged) !== 0;
}

/** Live messages that the replica does not have: their bodies are needed. */
export function freshOf(records: readonly MessageRecord[], base: Base): readonly MessageRecord[] {
  return records.filter((record) => record.uid > base.lastUid && !isExpunged(record));
}
