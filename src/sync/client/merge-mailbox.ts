/**
 * Both sides of a mailbox have changed: compares every record and settles each difference as Cyrus 3.6.1 does
 * (sync-conflict transcripts), so that the next delta makes both sides equal. Nothing is dropped silently:
 * a message that only the replica has is fetched, two messages under one UID both get new ones.
 */
import { toModseq, toUid, type Modseq, type Uid } from "../../base/numbers.ts";
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

/**
 * How a message that is here shall be, with a new modseq; what is undefined stays. Every message may differ, so this is
 * all that is kept of one; the rest is read again.
 */
interface Settled {
  readonly uid: Uid;
  readonly lastUpdated: number;
  readonly systemFlags: number;
  readonly keywords: readonly string[] | undefined;
  readonly annotations: MessageRecord["annotations"] | undefined;
}

interface Plan {
  /** Ascending by UID. */
  readonly settled: Settled[];
  /** Fetched under the UID that they have. */
  readonly fetched: MessageRecord[];
  readonly renumbered: Renumbered[];
  /** UIDs that the replica has to let go. */
  readonly expungedThere: number[];
  /** Live messages that only we have, above the replica's last UID: how many there are of each. */
  readonly above: Map<string, number>;
  /** The same keywords again and again are one list. */
  readonly keywordLists: Map<string, readonly string[]>;
}

type Change = ReplicatedChange["records"][number];

/** Settles the differences here and expunges on the replica; the caller sends the outcome. */
export async function mergeMailbox(
  run: SyncRun,
  id: MailboxId,
  { isHidden = false }: { readonly isHidden?: boolean } = {},
): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await mergeOnce(run, id, isHidden);
      return;
    } catch (error) {
      const isRace = error instanceof StoreError && error.code === "conflict";
      if (!isRace) throw error;
      // The mailbox's own trouble: it is tried again later, the others go on.
      if (tries === MAX_TRIES) throw new ReplicaRefusal("GET FULLMAILBOX", error.message, "mailbox_locked");
    }
  }
}

/** The same where the checksums are equal: nothing is done unless they hide a difference. */
export async function mergeHidden(run: SyncRun, id: MailboxId, remote: SyncMailbox): Promise<void> {
  const own = run.store.mailboxes.byId(id);
  if (own === undefined || own.intermediate || remote.intermediate) return;
  if (own.syncCrc !== remote.syncCrc || own.syncCrcAnnot !== remote.syncCrcAnnot) return;
  await mergeMailbox(run, id, { isHidden: true });
}

async function mergeOnce(run: SyncRun, id: MailboxId, isHidden: boolean): Promise<void> {
  const own = run.store.mailboxes.byId(id);
  if (own === undefined) return;
  const comparison = new Comparison(run, own);
  const remote = await run.replica.getFullMailbox(own.name, (mailbox) => comparison.begin(mailbox));
  if (remote === undefined) return;
  if (remote.uniqueId !== own.uniqueId) {
    throw new ReplicaRefusal("GET FULLMAILBOX", "another mailbox has the name", "mailbox_moved");
  }
  const plan = comparison.end();
  const { settled, fetched, renumbered, expungedThere } = plan;
  if (isHidden && settled.length + fetched.length + renumbered.length + expungedThere.length === 0) return;
  run.log.warn("mailbox differs from the replica's, differences are settled", {
    mailbox: own.name,
    changed: settled.length,
    fetched: fetched.length,
    renumbered: renumbered.length,
    expungedThere: expungedThere.length,
  });
  await carryOut(run, own, remote, plan);
}

/** Walks both sides in order of their UIDs, while the replica's records come. */
class Comparison {
  readonly #run: SyncRun;
  readonly #own: Mailbox;
  readonly #mine: Generator<MessageRecord>;
  readonly #plan: Plan = {
    settled: [],
    fetched: [],
    renumbered: [],
    expungedThere: [],
    above: new Map(),
    keywordLists: new Map(),
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
    const { above } = this.#plan;
    if (record.uid <= this.#theirLastUid) {
      this.#plan.renumbered.push({ record, from: "here" });
      leaves(this.#plan, record, record.lastUpdated);
    } else above.set(identity(record), (above.get(identity(record)) ?? 0) + 1);
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
  const lastUpdated = Math.max(own.lastUpdated, theirs.lastUpdated, Math.floor(run.clock.nowMs() / 1000));
  if (isExpunged(theirs)) {
    leaves(plan, own, lastUpdated);
    return;
  }
  const isNewer = theirs.modseq > own.modseq && theirs.lastUpdated >= own.lastUpdated;
  plan.settled.push({
    uid: own.uid,
    lastUpdated,
    systemFlags: isNewer ? theirs.systemFlags : own.systemFlags,
    keywords: isNewer ? sameList(plan, theirs.keywords) : undefined,
    annotations: theirs.modseq > own.modseq ? orEmpty(theirs.annotations) : undefined,
  });
}

/** A message that is here goes. */
function leaves({ settled }: Plan, { uid, systemFlags }: MessageRecord, lastUpdated: number): void {
  const flags = systemFlags | SystemFlag.expunged;
  settled.push({ uid, lastUpdated, systemFlags: flags, keywords: undefined, annotations: undefined });
}

function sameList({ keywordLists }: Plan, keywords: readonly string[]): readonly string[] {
  const key = keywords.join(" ");
  const known = keywordLists.get(key) ?? keywords;
  keywordLists.set(key, known);
  return known;
}

const NO_ANNOTATIONS: MessageRecord["annotations"] = [];

function orEmpty(annotations: MessageRecord["annotations"]): MessageRecord["annotations"] {
  return annotations.length === 0 ? NO_ANNOTATIONS : annotations;
}

/** Two messages under one UID: both get new ones, the lower GUID first, so that every master decides alike. */
function splitBrain(plan: Plan, own: MessageRecord, theirs: MessageRecord): void {
  const pair: Renumbered[] = [];
  if (!isExpunged(own)) {
    pair.push({ record: own, from: "here" });
    leaves(plan, own, own.lastUpdated);
  }
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
  // Cyrus gives every settled record a modseq above both sides.
  let before = own.highestModseq;
  let modseq = Math.max(own.highestModseq, remote.highestModseq);
  const uidValidity = Math.max(own.uidValidity, remote.uidValidity);
  let batch: Change[] = [];
  const commit = async (lastUid?: number): Promise<void> => {
    modseq += 1;
    await store.apply({
      mailbox: own.id,
      ifHighestModseq: before,
      header: {
        highestModseq: toModseq(modseq),
        uidValidity,
        ...(lastUid === undefined ? {} : { lastUid }),
      },
      records: batch.map((change) => ({ ...change, modseq: toModseq(modseq) })),
    });
    before = modseq as Modseq;
    release(batch);
    batch = [];
  };
  try {
    for await (const change of changesOf(run, own, remote, plan)) {
      batch.push(change);
      if (batch.length === MESSAGES_A_COMMIT) await commit();
    }
    // UIDs that the replica has given are not given here: what had them may be gone there.
    await commit(Math.max(own.lastUid, remote.lastUid));
  } finally {
    release(batch);
  }
  // Only now that every message is safe here.
  if (plan.expungedThere.length > 0) await replica.expunge(remote, plan.expungedThere);
}

/** What comes before what goes: a crash between two commits may leave a message twice, never not at all. */
async function* changesOf(
  run: SyncRun,
  own: Mailbox,
  remote: SyncMailbox,
  plan: Plan,
): AsyncGenerator<Change> {
  for (const record of plan.fetched) yield { ...record, body: await fetchBody(run, remote, record) };
  let lastUid = Math.max(own.lastUid, remote.lastUid);
  for (const { record, from } of plan.renumbered) {
    if (wasRenumbered(plan, record)) continue;
    lastUid += 1;
    const { guid } = record;
    const body = from === "here" ? { guid, partition: own.partition } : await fetchBody(run, remote, record);
    yield { ...record, uid: toUid(lastUid), body };
  }
  const find = run.store.recordFinder(own.id);
  for (const { uid, lastUpdated, systemFlags, keywords, annotations } of plan.settled) {
    const record = find(uid);
    // Gone meanwhile: the commit finds out that the mailbox has changed.
    if (record === undefined) continue;
    const changed = { ...record, lastUpdated, systemFlags, keywords: keywords ?? record.keywords };
    yield annotations === undefined ? changed : { ...changed, annotations };
  }
}

function release(changes: readonly Change[]): void {
  for (const { body } of changes) if (body !== undefined && "release" in body) body.release();
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
