/** Strings to sort by. Equal ones are kept once, and only new ones are sorted in, so that a sort compares ranks. */
import { assert } from "../../base/assert.ts";
import type { MessageSummary } from "../../mime/summary.ts";
import { Column } from "./column.ts";
import { uint32List } from "./numbers.ts";

/** A string with its place in a map, roughly. */
const STRING_OVERHEAD_BYTES = 96;
/** Strings sorted in one step. */
const RUN = 512;
/** Strings merged in one step. */
const MERGE_STEP = 4096;

export class StringColumn extends Column {
  readonly #read: (summary: MessageSummary) => string;
  readonly #ids = uint32List();
  readonly #idOf = new Map<string, number>();
  readonly #strings: string[] = [];
  /** Ids in the order of their strings, as far as they were sorted. */
  #sorted: number[] = [];
  #rankOfId: Uint32Array = new Uint32Array(0);
  #characters = 0;

  constructor(read: (summary: MessageSummary) => string) {
    super();
    this.#read = read;
  }

  /** Rank of each message's string, by position; equal strings have equal ranks. */
  ranks(): { ranks: Uint32Array; distinct: number } {
    assert(this.#sorted.length === this.#strings.length, "strings were added and not sorted");
    const ids = this.#ids.values;
    const ranks = new Uint32Array(ids.length);
    for (let i = 0; i < ids.length; i++) ranks[i] = this.#rankOfId[ids[i]!]!;
    return { ranks, distinct: this.#strings.length };
  }

  /** Some message has the empty string: its rank is 0. */
  get hasEmpty(): boolean {
    return this.#idOf.has("");
  }

  protected override get valueBytes(): number {
    return this.#ids.sizeBytes + this.#strings.length * STRING_OVERHEAD_BYTES + 2 * this.#characters;
  }

  protected override addValue(summary: MessageSummary): void {
    const text = this.#read(summary);
    let id = this.#idOf.get(text);
    if (id === undefined) {
      id = this.#strings.length;
      this.#strings.push(text);
      this.#idOf.set(text, id);
      this.#characters += text.length;
    }
    this.#ids.push(id);
  }

  /** Sorts the new strings in runs, merges them, then merges them in among the old. */
  override *settle(): Generator<void> {
    const { length } = this.#strings;
    if (this.#sorted.length === length) return;
    let runs: number[][] = [];
    for (let from = this.#sorted.length; from < length; from += RUN) {
      const run = Array.from({ length: Math.min(RUN, length - from) }, (_, i) => from + i);
      runs.push(run.sort((a, b) => (this.#strings[a]! < this.#strings[b]! ? -1 : 1)));
      yield;
    }
    while (runs.length > 1) {
      const merged: number[][] = [];
      for (let i = 0; i < runs.length; i += 2) merged.push(yield* this.#merge(runs[i]!, runs[i + 1] ?? []));
      runs = merged;
    }
    const sorted = yield* this.#merge(this.#sorted, runs[0] ?? []);
    const ranks = new Uint32Array(length);
    for (let rank = 0; rank < length; rank++) ranks[sorted[rank]!] = rank;
    this.#sorted = sorted;
    this.#rankOfId = ranks;
  }

  *#merge(one: readonly number[], other: readonly number[]): Generator<void, number[]> {
    const strings = this.#strings;
    const merged: number[] = [];
    let next = 0;
    for (const id of one) {
      while (next < other.length && strings[other[next]!]! < strings[id]!) merged.push(other[next++]!);
      merged.push(id);
      if (merged.length % MERGE_STEP === 0) yield;
    }
    while (next < other.length) merged.push(other[next++]!);
    return merged;
  }
}
