/**
 * One folded header text a message, all in one buffer with NUL between them: a substring is found in all messages by
 * one scan of memory.
 */
import type { MessageSummary } from "../../mime/summary.ts";
import type { Steps } from "../turns.ts";
import { Column } from "./column.ts";
import { uint32List } from "./numbers.ts";

const FIRST_BYTES = 4096;
/** Scanned in one step. */
const WINDOW_BYTES = 1024 * 1024;
/** Hits in one step. */
const HITS_STEP = 2048;

export class TextColumn extends Column {
  readonly #read: (summary: MessageSummary) => string;
  /** Where each text ends, its NUL included. */
  readonly #ends = uint32List();
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  constructor(read: (summary: MessageSummary) => string) {
    super();
    this.#read = read;
  }

  /** UIDs of the messages whose text holds `needle`, folded alike; they ascend. */
  *containing(needle: string): Steps<number[]> {
    const found: number[] = [];
    const wanted = Buffer.from(needle, "utf8");
    const { uids } = this;
    const ends = this.#ends.values;
    const text = this.#bytes.subarray(0, this.#length);
    if (wanted.includes(0)) return found;
    let position = 0;
    let hits = 0;
    for (let from = 0; from < text.length;) {
      // Texts that begin before the window's end, to their ends.
      const last = firstAbove(ends, from + WINDOW_BYTES, position);
      const end = ends[last] ?? text.length;
      const window = text.subarray(0, end);
      for (let hit = window.indexOf(wanted, from); hit >= 0;) {
        position = firstAbove(ends, hit, position);
        found.push(uids[position]!);
        if (++hits % HITS_STEP === 0) yield;
        hit = window.indexOf(wanted, ends[position]);
      }
      from = end;
      yield;
    }
    return found;
  }

  protected override get valueBytes(): number {
    return this.#bytes.length + this.#ends.sizeBytes;
  }

  protected override addValue(summary: MessageSummary): void {
    const text = this.#read(summary);
    const needed = this.#length + 3 * text.length + 1;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length + (this.#bytes.length >>> 1)));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    const start = this.#length;
    this.#length += this.#bytes.write(text, start, "utf8");
    // A NUL of the message itself would end its text early.
    for (let at = start; at < this.#length; at++) if (this.#bytes[at] === 0) this.#bytes[at] = 0x20;
    this.#bytes[this.#length++] = 0;
    this.#ends.push(this.#length);
  }
}

/** Index of the first end above `offset`, looking from `from` on: hits ascend and are often close. */
function firstAbove(ends: Uint32Array, offset: number, from: number): number {
  let step = 1;
  let low = from;
  let high = from;
  while (high < ends.length && ends[high]! <= offset) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  if (high > ends.length) high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ends[middle]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
