/** Finds the messages a matcher accepts: columns first, summaries and bytes only for what is still open, in slices. */
import type { Uid } from "../../base/numbers.ts";
import type { MessageSummary } from "../../mime/summary.ts";
import { StoreError } from "../../store/errors.ts";
import type { Session } from "../session.ts";
import { Level, type Candidate, type Matcher } from "./matcher.ts";
import type { SearchTarget } from "./target.ts";

const CHECK_EVERY = 512;
const SUMMARY_BATCH = 64;
/** Headers read at the same time. */
const MAX_READS = 16;

/** UIDs of the matching messages that the target knows, ascending. */
export async function findMessages(session: Session, target: SearchTarget, matcher: Matcher): Promise<Uid[]> {
  matcher.begin?.(target);
  const candidate = new Message(session, target);
  if (matcher.mayMatch !== undefined) {
    await matcher.prepare?.(session, target, target.count);
    const few = matcher.mayMatch();
    if (few !== undefined) return settlePrepared(candidate, matcher, await known(candidate, few), []);
  }
  const found: Uid[] = [];
  const open: Uid[] = [];
  for (let sequence = 1; sequence <= target.count; sequence++) {
    const uid = target.uidAt(sequence);
    if (candidate.moveTo(uid)) {
      const answer = matcher.matches(candidate);
      if (answer === true) found.push(uid);
      else if (answer === undefined) open.push(uid);
    }
    if (sequence % CHECK_EVERY === 0) {
      const pause = session.pause();
      if (pause !== undefined) await pause;
      if (session.ended) return found;
    }
  }
  // What columns decided is in order already.
  return open.length === 0 ? found : settle(candidate, matcher, open, found);
}

/** Those of `uids`, which ascend, that match now: how contexts follow changes (RFC 5267 §4.3). */
export async function matching(
  session: Session,
  target: SearchTarget,
  matcher: Matcher,
  uids: readonly Uid[],
): Promise<Uid[]> {
  return uids.length === 0 ? [] : settle(new Message(session, target), matcher, uids, []);
}

/** Those of `uids` that the client knows. */
async function known({ session, target }: Message, uids: readonly number[]): Promise<Uid[]> {
  const some: Uid[] = [];
  for (let i = 0; i < uids.length; i++) {
    if (target.sequenceOf(uids[i]!) !== 0) some.push(uids[i]! as Uid);
    const pause = i % CHECK_EVERY === CHECK_EVERY - 1 ? session.pause() : undefined;
    if (pause !== undefined) await pause;
  }
  return some;
}

async function settle(
  candidate: Message,
  matcher: Matcher,
  uids: readonly Uid[],
  found: Uid[],
): Promise<Uid[]> {
  await matcher.prepare?.(candidate.session, candidate.target, uids.length);
  return settlePrepared(candidate, matcher, uids, found);
}

async function settlePrepared(
  candidate: Message,
  matcher: Matcher,
  uids: readonly Uid[],
  found: Uid[],
): Promise<Uid[]> {
  let open = uids;
  for (const level of [Level.view, Level.summary, Level.header, Level.body]) {
    if (open.length === 0 || level > matcher.level) continue;
    const stillOpen: Uid[] = [];
    candidate.level = level;
    const judge = (uid: Uid): void => {
      const answer = matcher.matches(candidate);
      if (answer === true) found.push(uid);
      else if (answer === undefined) stillOpen.push(uid);
    };
    if (level === Level.view) await judgeColumns(candidate, open, judge);
    else for await (const uid of each(candidate, open)) judge(uid);
    open = stillOpen;
  }
  return found.sort((a, b) => a - b);
}

/** What was looked up for the whole mailbox decides now, mostly everything. */
async function judgeColumns(
  candidate: Message,
  uids: readonly Uid[],
  judge: (uid: Uid) => void,
): Promise<void> {
  for (let i = 0; i < uids.length; i++) {
    if (candidate.moveTo(uids[i]!)) judge(uids[i]!);
    if (i % CHECK_EVERY !== CHECK_EVERY - 1) continue;
    const pause = candidate.session.pause();
    if (pause !== undefined) await pause;
    if (candidate.session.ended) return;
  }
}

/** Moves the candidate through `uids` with what its level needs. */
async function* each(candidate: Message, uids: readonly Uid[]): AsyncGenerator<Uid> {
  const { session, target, level } = candidate;
  const { store } = session.services;
  for (let from = 0; from < uids.length; from += SUMMARY_BATCH) {
    const batch = uids.slice(from, from + SUMMARY_BATCH);
    const summaries = new Map<Uid, MessageSummary>();
    for (const { uid, summary } of store.readSummaries(target.id, batch)) summaries.set(uid, summary);
    if (level === Level.summary) {
      for (const [uid, summary] of summaries) {
        if (candidate.moveTo(uid, summary)) yield uid;
        if (session.isTurnOver) await session.pause();
      }
    } else {
      const read =
        level === Level.header
          ? readHeaders(session, target, summaries)
          : store.readBodies(target.id, [...summaries.keys()]);
      for await (const { uid, bytes } of read) {
        if (candidate.moveTo(uid, summaries.get(uid), bytes)) yield uid;
        // Long messages take long: the turn may be over after each.
        const pause = session.pause();
        if (pause !== undefined) await pause;
        if (session.ended) return;
      }
    }
    const pause = session.pause();
    if (pause !== undefined) await pause;
    if (session.ended) return;
  }
}

async function* readHeaders(
  session: Session,
  target: SearchTarget,
  summaries: ReadonlyMap<Uid, MessageSummary>,
): AsyncGenerator<{ uid: Uid; bytes: Buffer }> {
  const entries = [...summaries];
  for (let from = 0; from < entries.length; from += MAX_READS) {
    const reads = entries.slice(from, from + MAX_READS).map(async ([uid, { root }]) => {
      try {
        const range = { offset: root.headerStart, length: root.bodyStart - root.headerStart };
        return { uid, bytes: await session.services.store.readBody(target.id, uid, range) };
      } catch (error) {
        if (error instanceof StoreError && error.code === "message_not_found") return undefined;
        throw error;
      }
    });
    for (const read of await Promise.all(reads)) if (read !== undefined) yield read;
  }
}

class Message implements Candidate {
  readonly session: Session;
  readonly target: SearchTarget;
  level: Level = Level.view;
  index = -1;
  uid = 0;
  bytes: Buffer = EMPTY;
  #summary: MessageSummary | undefined;

  constructor(session: Session, target: SearchTarget) {
    this.session = session;
    this.target = target;
  }

  get summary(): MessageSummary {
    return this.#summary!;
  }

  /** False when the message is gone. UIDs mostly ascend by one position. */
  moveTo(uid: number, summary?: MessageSummary, bytes: Buffer = EMPTY): boolean {
    const { view } = this.target;
    const guess = this.index + 1;
    this.index = guess < view.count && view.uids[guess] === uid ? guess : view.indexOf(uid);
    this.uid = uid;
    this.#summary = summary;
    this.bytes = bytes;
    return this.index >= 0;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
