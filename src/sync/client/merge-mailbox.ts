/**
 * Both sides of a mailbox have changed: compares every record and settles each difference as Cyrus 3.6.1 does
 * (sync-conflict transcripts), so that the next delta makes both sides equal. Nothing is dropped silently:
 * a message that only the replica has is fetched, two messages under one UID both get new ones.
 */
import { toModseq, toUid, type Modseq } from "../../base/numbers.ts";
import { StoreError } from "../../store/errors.ts";
import { SystemFlag, type Mailbox, type MailboxId, type MessageRecord } from "../../store/model.ts";
import type { ReplicatedChange } from "../../store/port.ts";
import { sameContent } from "../codec/record.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import { isExpunged } from "./collect.ts";
import { ReplicaRefusal } from "./refusal.ts";
import type { SyncRun } from "./run.ts";

/** Clients go on changing the mailbox while it is compared. */
const MAX_TRIES = 5;
/** Messages that are taken over in one commit. */
const MESSAGES_A_COMMIT = 256;

/** A message that gets a new UID: one of ours, or one to be fetched from the replica. */
interface Renumbered {
  readonly record: MessageRecord;
  readonly from: "here" | "replica";
}

interface Plan {
  /** Records as they shall be here, with a new modseq. */
  readonly rewritten: MessageRecord[];
  /** Fetched under the UID that they have. */
  readonly fetched: MessageRecord[];
  readonly renumbered: Renumbered[];
  /** UIDs that the replica has to let go. */
  readonly expungedThere: number[];
  /** Live messages that only we have, above the replica's last UID: how many there are of each. */
  readonly above: Map<string, number>;
}

/** Settles the differences here and expunges on the replica; the caller sends the outcome. */
export async function mergeMailbox(run: SyncRun, id: MailboxId): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await mergeOnce(run, id);
      return;
    } catch (error) {
      const isRace = error instanceof StoreError && error.code === "conflict";
      if (!isRace) throw error;
      // The mailbox's own trouble: it is tried again later, the others go on.
      if (tries === MAX_TRIES) throw new ReplicaRefusal("GET FULLMAILBOX", error.message, "mailbox_locked");
    }
  }
}

async function mergeOnce(run: SyncRun, id: MailboxId): Promise<void> {
  const own = run.store.mailboxes.byId(id);
  if (own === undefined) return;
  const comparison = new Comparison(run, own);
  const remote = await run.replica.getFullMailbox(own.name, (mailbox) => comparison.begin(mailbox));
  if (remote === undefined) return;
  if (remote.uniqueId !== own.uniqueId) {
    throw new ReplicaRefusal("GET FULLMAILBOX", "another mailbox has the name", "mailbox_moved");
  }
  const plan = comparison.end();
  run.log.warn("mailbox differs from the replica's, differences are settled", {
    mailbox: own.name,
    changed: plan.rewritten.length,
    fetched: plan.fetched.length,
    renumbered: plan.renumbered.length,
    expungedThere: plan.expungedThere.length,
  });
  await carryOut(run, own, remote, plan);
}

/** Walks both sides in order of their UIDs, while the replica's records come. */
class Comparison {
  readonly #run: SyncRun;
  readonly #own: Mailbox;
  readonly #mine: Generator<MessageRecord>;
  readonly #plan: Plan = {
    rewritten: [],
    fetched: [],
    renumbered: [],
    expungedThere: [],
    above: new Map(),
  };
  #next: IteratorResult<MessageRecord>;
  #theirLastUid = 0;

  constructor(run: SyncRun, own: Mailbox) {
    this.#run = run;
    this.#own = own;
    this.#mine = recordsOf(run, own.id);
    this.#next = this.#mine.next();
  }

  begin(remote: SyncMailbox): (theirs: MessageRecord) => void {
    this.#theirLastUid = remote.lastUid;
    return remote.uniqueId === this.#own.uniqueId ? (theirs) => this.#take(theirs) : () => {};
  }

  end(): Plan {
    for (; !this.#next.done; this.#next = this.#mine.next()) this.#onlyHere(this.#next.value);
    return this.#plan;
  }

  #take(theirs: MessageRecord): void {
    for (; !this.#next.done && this.#next.value.uid < theirs.uid; this.#next = this.#mine.next()) {
      this.#onlyHere(this.#next.value);
    }
    if (!this.#next.done && this.#next.value.uid === theirs.uid) {
      comparePair(this.#run, this.#plan, this.#next.value, theirs);
      this.#next = this.#mine.next();
    } else onlyThere(this.#plan, this.#own, theirs);
  }

  #onlyHere(record: MessageRecord): void {
    if (isExpunged(record)) return;
    const { renumbered, above } = this.#plan;
    if (record.uid <= this.#theirLastUid) renumbered.push({ record, from: "here" });
    else above.set(identity(record), (above.get(identity(record)) ?? 0) + 1);
  }
}

function* recordsOf(run: SyncRun, id: MailboxId): Generator<MessageRecord> {
  for (const group of run.store.readRecords(id, { includeExpunged: true })) yield* group;
}

function onlyThere(plan: Plan, own: Mailbox, theirs: MessageRecord): void {
  if (isExpunged(theirs)) return;
  if (theirs.uid > own.lastUid) plan.fetched.push(theirs);
  else {
    plan.expungedThere.push(theirs.uid);
    // Below the floor of our tombstones it was one of those that are gone.
    if (theirs.modseq >= own.deletedModseq) plan.renumbered.push({ record: theirs, from: "replica" });
  }
}

function comparePair(run: SyncRun, plan: Plan, own: MessageRecord, theirs: MessageRecord): void {
  if (isExpunged(own) && isExpunged(theirs)) return;
  if (own.guid !== theirs.guid) {
    splitBrain(plan, own, theirs);
    return;
  }
  if (isExpunged(own)) {
    plan.expungedThere.push(theirs.uid);
    return;
  }
  if (!isExpunged(theirs) && own.modseq === theirs.modseq && sameContent(own, theirs)) return;
  const isNewer = theirs.modseq > own.modseq && theirs.lastUpdated >= own.lastUpdated;
  const lastUpdated = Math.max(own.lastUpdated, theirs.lastUpdated, Math.floor(run.clock.nowMs() / 1000));
  const annotations = theirs.modseq > own.modseq ? theirs.annotations : own.annotations;
  if (isExpunged(theirs)) {
    plan.rewritten.push({ ...own, systemFlags: own.systemFlags | SystemFlag.expunged, lastUpdated });
  } else if (isNewer) {
    const { systemFlags, keywords } = theirs;
    plan.rewritten.push({ ...own, systemFlags, keywords, annotations, lastUpdated });
  } else plan.rewritten.push({ ...own, annotations, lastUpdated });
}

/** Two messages under one UID: both get new ones, the lower GUID first, so that every master decides alike. */
function splitBrain(plan: Plan, own: MessageRecord, theirs: MessageRecord): void {
  const pair: Renumbered[] = [];
  if (!isExpunged(own)) pair.push({ record: own, from: "here" });
  if (!isExpunged(theirs)) {
    pair.push({ record: theirs, from: "replica" });
    plan.expungedThere.push(theirs.uid);
  }
  plan.renumbered.push(...pair.sort((a, b) => (a.record.guid < b.record.guid ? -1 : 1)));
}

/** What a message keeps when it gets a new UID. */
function identity({ guid, internalDate, saveDate, createdModseq }: MessageRecord): string {
  return `${guid} ${internalDate} ${saveDate} ${createdModseq}`;
}

/** An earlier comparison gave it its new UID already and broke off before the old one was gone. */
function wasRenumbered({ above }: Plan, record: MessageRecord): boolean {
  const count = above.get(identity(record)) ?? 0;
  if (count > 0) above.set(identity(record), count - 1);
  return count > 0;
}

async function carryOut(run: SyncRun, own: Mailbox, remote: SyncMailbox, plan: Plan): Promise<void> {
  const { store, replica } = run;
  const changes: ReplicatedChange["records"][number][] = [...plan.rewritten];
  let lastUid = Math.max(own.lastUid, remote.lastUid);
  for (const record of plan.fetched) changes.push({ ...record, body: await fetchBody(run, remote, record) });
  for (const { record, from } of plan.renumbered) {
    if (from === "here") changes.push({ ...record, systemFlags: record.systemFlags | SystemFlag.expunged });
    if (wasRenumbered(plan, record)) continue;
    lastUid += 1;
    const { guid } = record;
    const body = from === "here" ? { guid, partition: own.partition } : await fetchBody(run, remote, record);
    changes.push({ ...record, uid: toUid(lastUid), body });
  }
  // What comes before what goes: a crash between two commits may leave a message twice, never not at all.
  const goes = ({ body }: (typeof changes)[number]): number => (body === undefined ? 1 : 0);
  changes.sort((a, b) => goes(a) - goes(b) || a.uid - b.uid);
  // Cyrus gives every settled record a modseq above both sides.
  let before = own.highestModseq;
  let modseq = Math.max(own.highestModseq, remote.highestModseq);
  const uidValidity = Math.max(own.uidValidity, remote.uidValidity);
  try {
    for (let at = 0; at === 0 || at < changes.length; at += MESSAGES_A_COMMIT) {
      modseq += 1;
      await store.apply({
        mailbox: own.id,
        ifHighestModseq: before,
        header: { highestModseq: toModseq(modseq), uidValidity },
        records: changes
          .slice(at, at + MESSAGES_A_COMMIT)
          .map((record) => ({ ...record, modseq: toModseq(modseq) })),
      });
      before = modseq as Modseq;
    }
  } finally {
    for (const { body } of changes) if (body !== undefined && "release" in body) body.release();
  }
  // Only now that every message is safe here.
  if (plan.expungedThere.length > 0) await replica.expunge(remote, plan.expungedThere);
}

async function fetchBody(
  run: SyncRun,
  remote: SyncMailbox,
  record: MessageRecord,
): Promise<NonNullable<ReplicatedChange["records"][number]["body"]>> {
  const bytes = await run.replica.fetch(remote, record.guid, record.uid);
  if (bytes === undefined) throw new ReplicaRefusal("GET FETCH", `UID ${record.uid} was not sent`);
  const writer = run.store.stage(bytes.length);
  await writer.write(bytes);
  return await writer.finish();
}
