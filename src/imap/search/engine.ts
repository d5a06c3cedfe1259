/** Finds the messages a matcher accepts: columns first, summaries and bytes only for what is still open, in slices. */
import type { Uid } from "../../base/numbers.ts";
import type { MessageSummary } from "../../mime/summary.ts";
import { StoreError } from "../../store/errors.ts";
import type { Selected } from "../selected.ts";
import type { Session } from "../session.ts";
import { Level, type Candidate, type Matcher } from "./matcher.ts";

const CHECK_EVERY = 512;
const SUMMARY_BATCH = 64;
/** Headers read at the same time. */
const MAX_READS = 16;

/** UIDs of the matching messages that this session knows, ascending. */
export async function findMessages(session: Session, matcher: Matcher): Promise<Uid[]> {
  await matcher.prepare?.(session);
  const { selected } = session;
  const candidate = new Message(session, selected);
  const found: Uid[] = [];
  let open: Uid[] = [];
  const judge = (uid: Uid, stillOpen: Uid[]): void => {
    const answer = matcher.matches(candidate);
    if (answer === true) found.push(uid);
    else if (answer === undefined) stillOpen.push(uid);
  };
  for (let sequence = 1; sequence <= selected.count; sequence++) {
    const uid = selected.uidAt(sequence);
    if (candidate.moveTo(uid, sequence)) judge(uid, open);
    if (sequence % CHECK_EVERY === 0) {
      const pause = session.pause();
      if (pause !== undefined) await pause;
      if (session.ended) return found;
    }
  }
  // What columns decided is in order; later levels add to the end.
  if (open.length === 0) return found;
  for (const level of [Level.summary, Level.header, Level.body]) {
    if (open.length === 0 || level > matcher.level) continue;
    const stillOpen: Uid[] = [];
    candidate.level = level;
    for await (const uid of each(candidate, open)) judge(uid, stillOpen);
    open = stillOpen;
  }
  return found.sort((a, b) => a - b);
}

/** Moves the candidate through `uids` with what its level needs. */
async function* each(candidate: Message, uids: readonly Uid[]): AsyncGenerator<Uid> {
  const { session, selected, level } = candidate;
  const { store } = session.services;
  for (let from = 0; from < uids.length; from += SUMMARY_BATCH) {
    const batch = uids.slice(from, from + SUMMARY_BATCH);
    const summaries = new Map<Uid, MessageSummary>();
    for (const { uid, summary } of store.readSummaries(selected.id, batch)) summaries.set(uid, summary);
    if (level === Level.summary) {
      for (const [uid, summary] of summaries) if (candidate.moveTo(uid, undefined, summary)) yield uid;
    } else if (level === Level.header) {
      for await (const { uid, bytes } of readHeaders(session, selected, summaries)) {
        if (candidate.moveTo(uid, undefined, summaries.get(uid), bytes)) yield uid;
      }
    } else {
      for await (const { uid, bytes } of store.readBodies(selected.id, [...summaries.keys()])) {
        if (candidate.moveTo(uid, undefined, summaries.get(uid), bytes)) yield uid;
      }
    }
    const pause = session.pause();
    if (pause !== undefined) await pause;
    if (session.ended) return;
  }
}

async function* readHeaders(
  session: Session,
  selected: Selected,
  summaries: ReadonlyMap<Uid, MessageSummary>,
): AsyncGenerator<{ uid: Uid; bytes: Buffer }> {
  const entries = [...summaries];
  for (let from = 0; from < entries.length; from += MAX_READS) {
    const reads = entries.slice(from, from + MAX_READS).map(async ([uid, { root }]) => {
      try {
        const range = { offset: root.headerStart, length: root.bodyStart - root.headerStart };
        return { uid, bytes: await session.services.store.readBody(selected.id, uid, range) };
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
  readonly selected: Selected;
  level: Level = Level.view;
  index = -1;
  uid = 0;
  sequence = 0;
  bytes: Buffer = EMPTY;
  #summary: MessageSummary | undefined;

  constructor(session: Session, selected: Selected) {
    this.session = session;
    this.selected = selected;
  }

  get summary(): MessageSummary {
    return this.#summary!;
  }

  /** False when the message is gone. */
  moveTo(uid: number, sequence?: number, summary?: MessageSummary, bytes: Buffer = EMPTY): boolean {
    const { view } = this.selected;
    const guess = this.index + 1;
    this.index = guess < view.count && view.uids[guess] === uid ? guess : view.indexOf(uid);
    this.uid = uid;
    this.sequence = sequence ?? this.selected.sequenceOf(uid);
    this.#summary = summary;
    this.bytes = bytes;
    return this.index >= 0;
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
