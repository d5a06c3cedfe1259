/**
 * What the committer's thread is sent, taken as batches: all that came while the last one was committed.
 *
 * Clients that were just answered ask again in a moment. While others wait already they would miss the next commit, and
 * two halves would take turns, each in batches half as large. So a batch that others wait for already is held for a
 * small part of what the last one took, until as many are there as before. Who is alone never waits, and neither does who
 * brings many messages at once: a copied mailbox is worth its syncs by itself.
 */
import { receiveMessageOnPort, type MessagePort } from "node:worker_threads";
import { threadsMs } from "../../base/io/clock.ts";
import type { Operation } from "../operations.ts";

export type ToCommitter =
  | { readonly kind: "run"; readonly operations: readonly Operation[]; readonly sentMs: number }
  | { readonly kind: "close" };

export interface SentBatches {
  readonly operations: readonly Operation[];
  /** Operations of each message, in the order they were sent. */
  readonly counts: readonly number[];
  /** When the first of them was sent. */
  readonly sentMs: number;
}

/** Of a batch; the last message may go over it. */
const MAX_OPERATIONS = 512;
/** Of the time that the last commit took. */
const HELD_PART = 0.25;
const MAX_HELD_MS = 4;
/** Bodies of one operation that make it worth a commit of its own. */
const BULK_BODIES = 32;
const LOOK_EVERY_MS = 0.1;

export class Inbox {
  readonly #port: MessagePort;
  readonly #clock: () => number;
  readonly #sleep = new Int32Array(new SharedArrayBuffer(4));
  readonly #messages: ToCommitter[] = [];
  #count = 0;

  constructor(port: MessagePort, clock = threadsMs) {
    this.#port = port;
    this.#clock = clock;
  }

  push(message: ToCommitter): void {
    this.#messages.push(message);
    if (message.kind === "run") this.#count += message.operations.length;
  }

  /** What is there now; "close" when that is all, undefined when there is nothing. */
  take(): SentBatches | "close" | undefined {
    this.#receive();
    const first = this.#messages[0];
    if (first === undefined) return undefined;
    if (first.kind === "close") return "close";
    const batches: (readonly Operation[])[] = [];
    for (let count = 0; count < MAX_OPERATIONS;) {
      const next = this.#messages[0];
      if (next?.kind !== "run") break;
      this.#messages.shift();
      batches.push(next.operations);
      count += next.operations.length;
    }
    const counts = batches.map(({ length }) => length);
    const operations = batches.length === 1 ? batches[0]! : batches.flat();
    this.#count -= operations.length;
    return { operations, counts, sentMs: first.sentMs };
  }

  /** After a commit of `operations` that took `ms`: waits a moment for those it answered, when others wait already. */
  gather(operations: number, ms: number): void {
    this.#receive();
    if (this.#count === 0 || this.#messages.some(isBulk)) return;
    const expected = Math.min(MAX_OPERATIONS, this.#count + operations);
    const untilMs = this.#clock() + Math.min(MAX_HELD_MS, HELD_PART * ms);
    while (this.#count < expected && this.#messages.at(-1)?.kind === "run" && this.#clock() < untilMs) {
      Atomics.wait(this.#sleep, 0, 0, LOOK_EVERY_MS);
      this.#receive();
    }
  }

  #receive(): void {
    while (this.#count < MAX_OPERATIONS) {
      const received = receiveMessageOnPort(this.#port);
      if (received === undefined) return;
      this.push(received.message as ToCommitter);
    }
  }
}

function isBulk(message: ToCommitter): boolean {
  return message.kind === "run" && message.operations.some(({ bodies }) => bodies.length >= BULK_BODIES);
}
