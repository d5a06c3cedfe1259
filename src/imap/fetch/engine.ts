/**
 * Writes FETCH responses: in order, in slices, with bodies read ahead of the answer inside a bound, and never faster
 * than the client reads. A message that another session expunged is left out (RFC 2180 §4.1.2; the caller says
 * EXPUNGEISSUED).
 */
import { toUid, type Uid } from "../../base/numbers.ts";
import type { MessageSummary } from "../../mime/summary.ts";
import { StoreError } from "../../store/errors.ts";
import type { Session } from "../session.ts";
import type { Selected } from "../selected.ts";
import { flagsItem } from "./columns.ts";
import type { ByteRange, FetchedMessage, FetchItem } from "./item.ts";

/** Summaries asked for at once. */
const SUMMARY_BATCH = 64;
/** Bodies read at the same time, whatever their size. */
const MAX_READS = 16;
/** How often the clock is asked when only columns are written. */
const CHECK_EVERY = 64;

interface Reading {
  readonly uid: Uid;
  /** Undefined when no item needs it. */
  readonly summary: MessageSummary | undefined;
  readonly range: ByteRange | undefined;
  readonly bytes: Promise<Buffer | undefined> | undefined;
  readonly size: number;
}

/** @returns how many of `uids` were not there any more */
export async function writeFetch(
  session: Session,
  uids: readonly Uid[],
  items: readonly FetchItem[],
): Promise<number> {
  const message = new Message(session, session.selected);
  if (items.includes(flagsItem)) session.selected.tellNewKeywords();
  const reading = items.filter((item) => item.range !== undefined);
  if (reading.length > 0) {
    const all = uids.length > 1 && reading.every((item) => item.readsAll === true);
    const alone = all && items.every((item) => item.needs === "view");
    return alone ? writeWhole(message, uids, items) : writeWithBodies(message, uids, items);
  }
  if (items.some((item) => item.needs === "summary")) return writeWithSummaries(message, uids, items);
  let missed = 0;
  for (let i = 0; i < uids.length; i++) {
    if (message.moveTo(uids[i]!)) message.write(items);
    else missed++;
    if (i % CHECK_EVERY === CHECK_EVERY - 1) {
      const pause = session.pause();
      if (pause !== undefined) await pause;
      if (session.ended) break;
    }
  }
  return missed;
}

async function writeWithSummaries(
  message: Message,
  uids: readonly Uid[],
  items: readonly FetchItem[],
): Promise<number> {
  const { session, selected } = message;
  let written = 0;
  for (let from = 0; from < uids.length; from += SUMMARY_BATCH) {
    const batch = uids.length <= SUMMARY_BATCH ? uids : uids.slice(from, from + SUMMARY_BATCH);
    for (const { uid, summary } of session.services.store.readSummaries(selected.id, batch)) {
      if (!message.moveTo(uid)) continue;
      message.summary = summary;
      message.write(items);
      written++;
    }
    const pause = session.pause();
    if (pause !== undefined) await pause;
    if (session.ended) break;
  }
  return uids.length - written;
}

/** Whole messages and columns: the store reads neighbours together. */
async function writeWhole(
  message: Message,
  uids: readonly Uid[],
  items: readonly FetchItem[],
): Promise<number> {
  const { session, selected } = message;
  let written = 0;
  for await (const { uid, bytes } of session.services.store.readBodies(selected.id, uids)) {
    if (!message.moveTo(uid)) continue;
    message.hold(bytes, 0);
    message.write(items);
    written++;
    const pause = session.pause();
    if (pause !== undefined) await pause;
    if (session.ended) break;
  }
  return uids.length - written;
}

/** Reads run ahead of the answer up to MAX_READS messages and `body_read_ahead` bytes. */
async function writeWithBodies(
  message: Message,
  uids: readonly Uid[],
  items: readonly FetchItem[],
): Promise<number> {
  const { session, selected } = message;
  const { store, settings } = session.services;
  const queue: Reading[] = [];
  let queuedBytes = 0;
  let written = 0;
  let next = 0;
  const needsSummary = items.some((item) => item.needs === "summary");
  let summaries: Iterator<{ uid: Uid; summary: MessageSummary }> | undefined;

  const nextMessage = (): Pick<Reading, "uid" | "summary"> | undefined => {
    if (!needsSummary) return next < uids.length ? { uid: uids[next++]!, summary: undefined } : undefined;
    for (;;) {
      const result = summaries?.next();
      if (result !== undefined && result.done !== true) return result.value;
      if (next >= uids.length) return undefined;
      const batch = uids.length <= SUMMARY_BATCH ? uids : uids.slice(next, next + SUMMARY_BATCH);
      next += batch.length;
      summaries = store.readSummaries(selected.id, batch)[Symbol.iterator]();
    }
  };
  const readAhead = (): void => {
    while (queue.length < MAX_READS && (queue.length === 0 || queuedBytes < settings.bodyReadAheadBytes)) {
      const found = nextMessage();
      if (found === undefined) return;
      if (!message.moveTo(found.uid)) continue;
      message.summary = found.summary;
      const range = unionRange(items, message);
      const size = range === undefined ? 0 : range.end - range.start;
      const bytes = size === 0 ? undefined : readRange(message, range!);
      queuedBytes += size;
      queue.push({ ...found, range, bytes, size });
    }
  };

  for (readAhead(); queue.length > 0; readAhead()) {
    const reading = queue.shift()!;
    const bytes = await reading.bytes;
    queuedBytes -= reading.size;
    if (session.ended) break;
    const vanished = reading.bytes !== undefined && bytes === undefined;
    if (!vanished && message.moveTo(reading.uid)) {
      message.summary = reading.summary;
      message.hold(bytes, reading.range?.start ?? 0);
      message.write(items);
      written++;
    }
    const pause = session.pause();
    if (pause !== undefined) await pause;
    if (session.ended) break;
  }
  return uids.length - written;
}

/** One range that holds all that the items slice. */
function unionRange(items: readonly FetchItem[], message: Message): ByteRange | undefined {
  let start = Infinity;
  let end = 0;
  for (const item of items) {
    const range = item.range?.(message.summary, message);
    if (range === undefined || range.end <= range.start) continue;
    if (range.start < start) start = range.start;
    if (range.end > end) end = range.end;
  }
  return end === 0 ? undefined : { start, end };
}

/** Undefined when the message is gone. Failures surface when the answer comes to this message. */
function readRange(
  { session, selected, index, uid }: Message,
  { start, end }: ByteRange,
): Promise<Buffer | undefined> {
  const whole = start === 0 && end >= selected.view.sizes[index]!;
  const { store } = session.services;
  const read = whole
    ? store.readBody(selected.id, toUid(uid))
    : store.readBody(selected.id, toUid(uid), { offset: start, length: end - start });
  const bytes = read.catch((error: unknown) => {
    if (error instanceof StoreError && error.code === "message_not_found") return undefined;
    throw error;
  });
  // The answer may end before it comes to this message; then nobody waits for the failure.
  bytes.catch(() => undefined);
  return bytes;
}

class Message implements FetchedMessage {
  readonly session: Session;
  readonly selected: Selected;
  index = -1;
  uid = 0;
  sequence = 0;
  #summary: MessageSummary | undefined;
  #bytes: Buffer = EMPTY;
  #bytesStart = 0;

  constructor(session: Session, selected: Selected) {
    this.session = session;
    this.selected = selected;
  }

  get summary(): MessageSummary {
    return this.#summary!;
  }

  set summary(summary: MessageSummary | undefined) {
    this.#summary = summary;
  }

  /** False when the message is not there any more. UIDs mostly ascend by one position. */
  moveTo(uid: number): boolean {
    const { view } = this.selected;
    const guess = this.index + 1;
    this.index = guess < view.count && view.uids[guess] === uid ? guess : view.indexOf(uid);
    this.uid = uid;
    const sequence = this.sequence + 1;
    this.sequence =
      sequence <= this.selected.count && this.selected.uidAt(sequence) === uid
        ? sequence
        : this.selected.sequenceOf(uid);
    return this.index >= 0 && this.sequence > 0;
  }

  hold(bytes: Buffer | undefined, start: number): void {
    this.#bytes = bytes ?? EMPTY;
    this.#bytesStart = start;
  }

  slice(start: number, end: number): Buffer {
    return this.#bytes.subarray(Math.max(start - this.#bytesStart, 0), Math.max(end - this.#bytesStart, 0));
  }

  write(items: readonly FetchItem[]): void {
    const { out } = this.session;
    for (let i = 0; i < items.length; i++) items[i]!.check?.(this);
    out.ascii("* ").number(this.sequence).ascii(" FETCH (");
    for (let i = 0; i < items.length; i++) {
      if (i > 0) out.ascii(" ");
      items[i]!.write(out, this);
    }
    out.ascii(")\r\n");
  }
}

const EMPTY: Buffer = Buffer.alloc(0);
