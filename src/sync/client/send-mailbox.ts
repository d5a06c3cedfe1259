/**
 * Sends what a replica lacks of one mailbox: bodies, then APPLY MAILBOX with header and records. A large copy goes in
 * parts, each a whole state of the lower UIDs, so that memory stays bounded and a broken-off copy goes on where it was.
 */
import { toModseq } from "../../base/numbers.ts";
import type { Mailbox, MailboxId, MessageRecord } from "../../store/model.ts";
import { printAcl } from "../../store/acl.ts";
import { userOf } from "../../store/names.ts";
import { type SyncMailbox, writeMailbox } from "../codec/mailbox-line.ts";
import { mailboxPieces, writeSince } from "../codec/mailbox-pieces.ts";
import { writeRecord } from "../codec/record.ts";
import { type Base, collect, freshOf, isExpunged, isNews } from "./collect.ts";
import type { Elsewhere } from "./elsewhere.ts";
import { RunningCrc } from "./record-crc.ts";
import { ReplicaRefusal } from "./refusal.ts";
import type { SyncRun } from "./run.ts";
import { RECORDS_A_TURN } from "../turn.ts";
import { sendMany } from "./send-many.ts";
import { upload, uploadAhead } from "./upload.ts";

const MAX_PART_MESSAGES = 8192;
const MAX_PART_BYTES = 64 * 1024 * 1024;

export interface SendOptions {
  /** Say on which state of the replica the change is based; it refuses when that is not so. */
  readonly since: boolean;
  /** Look at every record, not only at those with a higher modseq. */
  readonly complete: boolean;
  /** Where the replica may have messages already. */
  readonly elsewhere: Elsewhere;
}

/** All of it is on its way; `answered` when the replica has taken it. */
export interface SentMailbox {
  readonly answered: Promise<unknown>;
}

const ANSWERED: SentMailbox = { answered: Promise.resolve() };

/** Resolves before the replica has answered, so that the next mailbox may follow. @throws ReplicaRefusal, ReplicaLost */
export async function sendMailbox(
  run: SyncRun,
  id: MailboxId,
  remote: SyncMailbox | undefined,
  options: SendOptions,
): Promise<SentMailbox> {
  let base: Base = { modseq: remote?.highestModseq ?? 0, lastUid: remote?.lastUid ?? 0 };
  let { since, complete } = options;
  const own = run.store.mailboxes.byId(id);
  if (own === undefined) return ANSWERED;
  printStart(run, own, remote);
  if (needsParts(own, base)) {
    base = await sendParts(run, own, base, options.elsewhere);
    since = false;
    complete = true;
  }
  const collected = await collect(run, id, base, complete);
  if (collected === undefined) return ANSWERED;
  if (collected === "many") {
    await sendMany(run, id, base, {
      since: since ? remote : undefined,
      complete,
      elsewhere: options.elsewhere,
      counted: ({ changed, expunged }) => printChanges(run, changed, expunged),
    });
    run.step(`SETSEEN ${userOf(own.name)} ...`);
    return ANSWERED;
  }
  printCounts(run, collected.records, base);
  const fresh = freshOf(collected.records, base);
  const { taken } = await uploadAhead(run, collected.own, fresh, options.elsewhere);
  const applied = await apply(run, collected.own, collected.records, since ? remote : undefined);
  if (collected.records.length > 0) run.step(`SETSEEN ${userOf(own.name)} ...`);
  // A body that was refused says more than the mailbox that lacks it.
  const answered = taken.then(() => applied.answered);
  answered.catch(() => undefined);
  return { answered };
}

function needsParts(own: Mailbox, base: Base): boolean {
  if (own.intermediate) return false;
  const gap = own.lastUid - base.lastUid;
  return gap > MAX_PART_MESSAGES || (base.lastUid === 0 && own.sizeBytes > 2 * MAX_PART_BYTES);
}

/** Everything but the last part; what the replica has then. */
async function sendParts(run: SyncRun, own: Mailbox, base: Base, elsewhere: Elsewhere): Promise<Base> {
  const crc = new RunningCrc();
  let lastUid = base.lastUid;
  let part: MessageRecord[] = [];
  let fresh = 0;
  let bytes = 0;
  const flush = async (uid: number): Promise<void> => {
    printCounts(run, part, { ...base, lastUid });
    await upload(run, own, freshOf(part, { ...base, lastUid }), elsewhere);
    const state = {
      ...own,
      lastUid: uid,
      // Low, so that the rest is still news to the replica if the copy ends here.
      highestModseq: toModseq(Math.max(1, base.modseq)),
      syncCrc: crc.syncCrc,
      syncCrcAnnot: crc.syncCrcAnnot,
    };
    const { answered } = await apply(run, state, part, undefined);
    await answered;
    await run.replica.restart();
    elsewhere.restarted();
    lastUid = uid;
    part = [];
    fresh = bytes = 0;
  };
  for (const group of run.store.readRecords(own.id, { includeExpunged: true })) {
    for (const record of group) {
      crc.add(record);
      if (isNews(record, base)) part.push(record);
      if (record.uid <= base.lastUid || isExpunged(record)) continue;
      fresh += 1;
      bytes += record.sizeBytes;
      if (fresh >= MAX_PART_MESSAGES || bytes >= MAX_PART_BYTES) await flush(record.uid);
    }
  }
  // Nothing was sent: the gap was made of UIDs that are gone.
  if (lastUid === base.lastUid) return base;
  return { modseq: own.highestModseq, lastUid };
}

async function apply(
  run: SyncRun,
  own: Mailbox,
  records: readonly MessageRecord[],
  since: SyncMailbox | undefined,
): Promise<SentMailbox> {
  const annotations = own.intermediate ? [] : [...run.store.annotations.all(own.name)];
  const { link } = run.replica;
  await link.room();
  if (records.length > RECORDS_A_TURN) {
    const head = { mailbox: own, annotations, since };
    const pieces = mailboxPieces("client", ["APPLY", "MAILBOX"], head, slices(records));
    return await link.sendPieces("APPLY MAILBOX", pieces);
  }
  const answered = link.command("APPLY", "MAILBOX", (writer) =>
    writeMailbox(writer, own, annotations, (kv) => {
      if (own.intermediate) return;
      writeSince(kv, since);
      kv.key("RECORD").list((list) => {
        for (const record of records) writeRecord(list, record);
      });
    }),
  );
  return { answered };
}

function* slices(records: readonly MessageRecord[]): Generator<readonly MessageRecord[]> {
  for (let at = 0; at < records.length; at += RECORDS_A_TURN) yield records.slice(at, at + RECORDS_A_TURN);
}

function printStart(run: SyncRun, own: Mailbox, remote: SyncMailbox | undefined): void {
  if (remote === undefined) {
    run.step(`CREATE ${own.name} ${own.uniqueId} "${printAcl(own.acl)}" 0 ${own.uidValidity}`);
  }
  run.step(`SELECT ${own.name}`);
}

function printCounts(run: SyncRun, records: readonly MessageRecord[], base: Base): void {
  const known = records.filter(({ uid }) => uid <= base.lastUid);
  const gone = known.filter(isExpunged).length;
  printChanges(run, known.length - gone, gone);
}

function printChanges(run: SyncRun, changed: number, expunged: number): void {
  if (changed > 0) run.step(`SETFLAGS [${changed} msgs]`);
  if (expunged > 0) run.step(`EXPUNGE [${expunged} msgs]`);
}

/** The replica has another state than was thought: a comparison decides. */
export function isConflict(error: unknown): boolean {
  return error instanceof ReplicaRefusal && (error.code === "checksum" || error.code === "changed");
}
