/**
 * Copies messages of one folder: several FETCHes are on their way at the source, what has come is appended in batches at
 * the target, what is stored goes into the ledger. What waits in between is bounded: above it the source is not read.
 */
import type { Clock } from "../../base/io/clock.ts";
import type { Pace } from "../engine.ts";
import type { FolderLedger } from "../ledger/folder-ledger.ts";
import { countOf, type NumberRange, type NumberRanges, numbersOf, rangesOf } from "../../wire/number-set.ts";
import { ImapClientError } from "../../imap/client-command.ts";
import { asksForLess } from "./asks-for-less.ts";
import { dateSeconds } from "./dates.ts";
import { LiteralSpool, TooBigBody } from "./literal-spool.ts";
import { messageFlags, type FetchedValues } from "../../imap/client-fetch.ts";
import type { CopyMessage } from "./message.ts";
import type { ImapSource } from "./source.ts";
import type { AppendOutcome, MailTarget, Strays, TargetFolder } from "./target.ts";
import { windowsOf } from "./windows.ts";

/** FETCHes that are on their way at a time. */
const WINDOWS_AHEAD = 3;
const MAX_BATCH_MESSAGES = 256;
const LEAST_BATCH_MESSAGES = 128;
/** Literals of this size are not held in memory. */
const LARGE_BYTES = 256 * 1024;
/** Records between two writes of the ledger: what a crash leaves to be recognised again. */
const RECORDS_A_FLUSH = 512;
const NO_FLAGS = messageFlags([]);

export interface CopyWork {
  readonly source: ImapSource;
  readonly target: MailTarget;
  readonly folder: TargetFolder;
  readonly ledger: FolderLedger;
  readonly keepUids: boolean;
  readonly strays: Strays | undefined;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Messages of one FETCH. */
  readonly windowSize: number;
  /** Larger ones are skipped; undefined = none. */
  readonly maxMessageBytes: number | undefined;
  /** Batches under way at the target. */
  readonly batchesAhead: number;
  /** Before a FETCH: its first message. */
  readonly asked: (uid: number) => void;
  /** After each batch. */
  readonly copied: (messages: number, bytes: number, saved: number) => void;
}

interface Window {
  readonly ranges: readonly NumberRange[];
  /** UIDs that have not come yet. */
  readonly missing: Set<number>;
  /** The server's answer when it was not OK. */
  refusal: string;
  /** Received. */
  bytes: number;
  /** For how long the source's answer took: when it was asked, and whether we kept it waiting. */
  readonly askedMs: number;
  readonly holds: number;
}

export class FolderCopy {
  readonly #work: CopyWork;
  readonly #spool: LiteralSpool;
  readonly #windows = new Map<number, Window>();
  #waiting: CopyMessage[] = [];
  #batches = 0;
  #receivedBytes = 0;
  #answeredMs = Number.NEGATIVE_INFINITY;
  #unflushed = 0;
  /** Outcomes are recorded in the order of the batches. */
  #recording: Promise<void> = Promise.resolve();
  #failure: unknown;
  #wake: (() => void) | undefined;
  #failed: (() => void) | undefined;
  #scheduled = false;
  #hasAll = false;
  saved = 0;

  constructor(work: CopyWork) {
    this.#work = work;
    this.#spool = new LiteralSpool((size) => work.target.stage(size), work.maxMessageBytes);
  }

  /**
   * UIDs that the source lists. Resolves when all have come; what waits for the target then is stored while the source's
   * connection does something else. @throws what source, target or ledger throw
   */
  async fetch(uids: NumberRanges): Promise<void> {
    const { source } = this.#work;
    source.onLargeLiteral(LARGE_BYTES, (size) => this.#spool.sinkFor(size));
    try {
      const leftOver = await this.#fetchAll(uids, this.#work.windowSize);
      // What did not come is asked for once more, each on its own: one bad message does not hide its neighbours.
      if (leftOver.length > 0) await this.#again(leftOver);
      this.#pump(true);
    } catch (error) {
      this.#failure ??= error;
      await this.#end();
      throw this.#failure;
    }
  }

  /** Everything is stored and recorded; `flush` of the ledger is the caller's. */
  async finish(): Promise<void> {
    this.#pump(true);
    await this.#end();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #end(): Promise<void> {
    await this.#idle();
    this.#letGo(this.#waiting.splice(0));
    await this.#recording.catch(() => undefined);
    // What was stored is known by the next run, however this one ends.
    if (this.#failure !== undefined) await this.#work.ledger.flush();
  }

  async #fetchAll(uids: NumberRanges, size: number): Promise<Window[]> {
    const { source, pace, signal } = this.#work;
    const underWay: Promise<void>[] = [];
    const leftOver: Window[] = [];
    for (const ranges of windowsOf(uids, size)) {
      const bytes = this.#receivedBytes;
      this.#receivedBytes = 0;
      // Bytes are known when they have come: they are paid before the next ones are asked for.
      await pace.take(countOf(ranges), bytes);
      signal.throwIfAborted();
      if (this.#failure !== undefined) throw this.#failure;
      this.#work.asked(ranges[0]?.first ?? 0);
      const window: Window = {
        ranges,
        missing: new Set(numbersOf(ranges)),
        refusal: "",
        bytes: 0,
        askedMs: this.#work.clock.monotonicMs(),
        holds: source.gate.holds,
      };
      for (const uid of window.missing) this.#windows.set(uid, window);
      const fetched = source.bodies(ranges, (values) => this.#take(values));
      const done = fetched.then((result) => {
        if (result.status !== "OK") {
          const code = result.code === undefined ? "" : ` [${result.code}]`;
          window.refusal = `${result.status}${code} ${result.text}`;
          // That is about all messages, not about these.
          if (asksForLess(window.refusal)) throw new ImapClientError(`UID FETCH: ${window.refusal}`);
        }
        this.#timed(window, countOf(ranges));
        for (const uid of window.missing) this.#windows.delete(uid);
        if (window.missing.size > 0) leftOver.push(window);
      });
      done.catch(() => undefined);
      underWay.push(done);
      // One by one: the message that ends the connection must be known.
      if (underWay.length >= (size === 1 ? 1 : WINDOWS_AHEAD)) await this.#orFailure(underWay.shift());
    }
    for (const done of underWay) await this.#orFailure(done);
    return leftOver;
  }

  /** Answers stand in line: the time of one begins when the one before it has come. */
  #timed({ bytes, missing, askedMs, holds }: Window, messages: number): void {
    const { source, clock, pace } = this.#work;
    const nowMs = clock.monotonicMs();
    const sinceMs = Math.max(askedMs, this.#answeredMs);
    this.#answeredMs = nowMs;
    if (missing.size > 0 || source.gate.holds !== holds || source.gate.isFull) return;
    pace.answered({ messages, bytes, tookMs: nowMs - sinceMs });
  }

  /** A failed batch must be heard although the source, which is held, says nothing more. */
  async #orFailure(done: Promise<void> | undefined): Promise<void> {
    const failed = new Promise<void>((resolve) => {
      this.#failed = resolve;
    });
    if (this.#failure === undefined) await Promise.race([done, failed]);
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #again(windows: readonly Window[]): Promise<void> {
    const { source, ledger } = this.#work;
    const missing = windows.flatMap((window) => [...window.missing]).sort((a, b) => a - b);
    // Gone meanwhile: no loss.
    const listed = await source.uids(rangesOf(missing));
    const refusals = await this.#fetchAll(listed, 1);
    await this.#settled();
    for (const {
      missing: [uid],
      refusal,
    } of refusals) {
      if (uid === undefined) continue;
      const reason = refusal === "" ? "the source lists it and gives no body" : `the source said ${refusal}`;
      await ledger.put(
        {
          uid,
          targetUid: 0,
          sizeBytes: 0,
          outcome: "missing",
          internalDate: 0,
          flagsHash: 0,
          guid: "",
        },
        reason,
      );
    }
  }

  #take(values: FetchedValues): void {
    const { uid, body } = values;
    const window = this.#windows.get(uid);
    if (window === undefined || body === undefined || this.#failure !== undefined) {
      if (body !== undefined && !Buffer.isBuffer(body)) body.release();
      return;
    }
    window.missing.delete(uid);
    this.#windows.delete(uid);
    const isInMemory = Buffer.isBuffer(body);
    const sizeBytes = isInMemory ? body.length : body.sizeBytes;
    const memoryBytes = isInMemory ? sizeBytes : 0;
    this.#receivedBytes += sizeBytes;
    window.bytes += sizeBytes;
    const prepared = isInMemory ? this.#work.target.prepare(body) : { body, guid: this.#spool.guidOf(body) };
    this.#waiting.push({
      uid,
      flags: values.flags ?? NO_FLAGS,
      internalDate: dateSeconds(values.internalDateText),
      internalDateText: values.internalDateText ?? "",
      sizeBytes,
      guid: prepared.guid,
      body: prepared.body,
      memoryBytes,
    });
    this.#work.source.gate.took(memoryBytes);
    this.#schedule();
  }

  /** In a later turn, so that what comes in one piece of network goes in one batch. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  /** A batch costs the target two syncs of its disk: small ones wait for more, unless `all` has come. */
  #pump(all = false): void {
    this.#hasAll ||= all;
    const least = this.#hasAll || this.#work.source.gate.isHolding ? 1 : LEAST_BATCH_MESSAGES;
    const { batchesAhead } = this.#work;
    while (this.#batches < batchesAhead && this.#waiting.length >= least && this.#failure === undefined) {
      const batch = this.#nextBatch();
      this.#batches++;
      this.#store(batch)
        .catch((error: unknown) => {
          this.#failure ??= error;
          this.#failed?.();
        })
        .finally(() => {
          this.#batches--;
          this.#letGo(batch);
          this.#pump();
          this.#wake?.();
        });
    }
  }

  #nextBatch(): CopyMessage[] {
    // The next batch comes in while this one is stored.
    const maxBytes = this.#work.source.gate.maxBytes() / 2;
    let count = 0;
    let bytes = 0;
    for (const message of this.#waiting) {
      if (count === MAX_BATCH_MESSAGES || (count > 0 && bytes + message.sizeBytes > maxBytes)) break;
      bytes += message.sizeBytes;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #letGo(messages: readonly CopyMessage[]): void {
    let bytes = 0;
    for (const { body, memoryBytes } of messages) {
      bytes += memoryBytes;
      if (!Buffer.isBuffer(body)) body.release();
    }
    this.#work.source.gate.gave(messages.length, bytes);
  }

  async #store(batch: readonly CopyMessage[]): Promise<void> {
    const { target, folder, keepUids } = this.#work;
    const outcomes = await this.#known(batch);
    const open = batch.filter((_, index) => outcomes[index] === undefined);
    const stored = open.length === 0 ? [] : await target.append(folder, open, keepUids);
    let next = 0;
    const all = outcomes.map((outcome) => outcome ?? stored[next++]!);
    this.#recording = this.#recording.then(() => this.#record(batch, all));
    await this.#recording;
  }

  /** What needs no append: too big for the target, or there already. */
  async #known(batch: readonly CopyMessage[]): Promise<(AppendOutcome | undefined)[]> {
    const { strays, maxMessageBytes } = this.#work;
    const outcomes: (AppendOutcome | undefined)[] = [];
    for (const message of batch) {
      const isAbove = maxMessageBytes !== undefined && message.sizeBytes > maxMessageBytes;
      if (isAbove || message.body instanceof TooBigBody) {
        const limit = isAbove ? `the ${maxMessageBytes} that are taken` : "the target stores";
        const reason = `${message.sizeBytes} bytes, more than ${limit}`;
        outcomes.push({ kind: "refused", reason });
        continue;
      }
      const uid = strays === undefined ? undefined : await strays.claim(message);
      outcomes.push(uid === undefined ? undefined : { kind: "already", uid });
    }
    return outcomes;
  }

  async #record(batch: readonly CopyMessage[], outcomes: readonly AppendOutcome[]): Promise<void> {
    const { ledger, copied } = this.#work;
    let bytes = 0;
    let saved = 0;
    for (const [index, message] of batch.entries()) {
      const outcome = outcomes[index]!;
      const isRefused = outcome.kind === "refused";
      bytes += message.sizeBytes;
      if (outcome.kind === "saved") saved++;
      await ledger.put(
        {
          uid: message.uid,
          targetUid: isRefused ? 0 : outcome.uid,
          sizeBytes: message.sizeBytes,
          outcome: isRefused ? "skipped" : outcome.kind,
          internalDate: message.internalDate,
          flagsHash: message.flags.hash,
          guid: message.guid,
        },
        isRefused ? outcome.reason : undefined,
      );
    }
    this.saved += saved;
    copied(batch.length, bytes, saved);
    this.#unflushed += batch.length;
    if (this.#unflushed < RECORDS_A_FLUSH) return;
    this.#unflushed = 0;
    await ledger.flush();
  }

  /** Everything that has come is stored and recorded. */
  async #settled(): Promise<void> {
    this.#pump(true);
    await this.#idle();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #idle(): Promise<void> {
    while (this.#batches > 0 || (this.#waiting.length > 0 && this.#failure === undefined)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
