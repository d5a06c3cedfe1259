/** Strings to sort by. Equal ones are kept once, and only new ones are sorted in, so that a sort compares ranks. */
import type { MessageSummary } from "../../mime/summary.ts";
import { STEP_ITEMS, type Steps } from "../turns.ts";
import { Column } from "./column.ts";
import { uint32List } from "./numbers.ts";

/** A string with its place in a map, roughly. */
const STRING_OVERHEAD_BYTES = 96;
/** Strings sorted in one step. */
const RUN = 512;
/** Strings merged in one step. */
const MERGE_STEP = 2048;

export class StringColumn extends Column {
  readonly #read: (summary: MessageSummary) => string;
  readonly #ids = uint32List();
  readonly #idOf = new Map<string, number>();
  readonly #strings: string[] = [];
  /** Ids in the order of their strings, as far as they were sorted. */
  #sorted: Uint32Array = new Uint32Array(0);
  #rankOfId: Uint32Array = new Uint32Array(0);
  #characters = 0;

  constructor(read: (summary: MessageSummary) => string) {
    super();
    this.#read = read;
  }

  /** Ranks of the strings of `uids`, which ascend and are not newer than what was settled last; equal strings rank equally. */
  *ranksOf(uids: ArrayLike<number>): Steps<{ ranks: Uint32Array; bound: number }> {
    // Others may add strings between the steps; these are of one moment.
    const ids = this.#ids.values;
    const rankOfId = this.#rankOfId;
    const positions = yield* this.positionsOf(uids);
    const ranks = new Uint32Array(positions.length);
    for (let at = 0; at < positions.length; at += STEP_ITEMS) {
      const end = Math.min(at + STEP_ITEMS, positions.length);
      for (let i = at; i < end; i++) ranks[i] = rankOfId[ids[positions[i]!]!] ?? 0;
      yield;
    }
    return { ranks, bound: rankOfId.length + 1 };
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
  override *settle(): Steps<void> {
    const { length } = this.#strings;
    if (this.#sorted.length === length) return;
    let runs: Uint32Array[] = [];
    for (let from = this.#sorted.length; from < length; from += RUN) {
      const run = Uint32Array.from({ length: Math.min(RUN, length - from) }, (_, i) => from + i);
      runs.push(run.sort((a, b) => (this.#strings[a]! < this.#strings[b]! ? -1 : 1)));
      yield;
    }
    while (runs.length > 1) {
      const merged: Uint32Array[] = [];
      for (let i = 0; i < runs.length; i += 2) {
        const [one, other] = [runs[i]!, runs[i + 1]];
        merged.push(other === undefined ? one : yield* this.#merge(one, other));
      }
      runs = merged;
    }
    const [fresh] = runs;
    const sorted = this.#sorted.length === 0 ? fresh! : yield* this.#merge(this.#sorted, fresh!);
    const ranks = new Uint32Array(length);
    for (let rank = 0; rank < length; rank++) {
      ranks[sorted[rank]!] = rank;
      if (rank % STEP_ITEMS === STEP_ITEMS - 1) yield;
    }
    this.#sorted = sorted;
    this.#rankOfId = ranks;
  }

  *#merge(one: Uint32Array, other: Uint32Array): Steps<Uint32Array> {
    const strings = this.#strings;
    const merged = new Uint32Array(one.length + other.length);
    for (let i = 0, j = 0, at = 0; at < merged.length;) {
      const fromOther = j < other.length && (i >= one.length || strings[other[j]!]! < strings[one[i]!]!);
      merged[at++] = fromOther ? other[j++]! : one[i++]!;
      if (at % MERGE_STEP === 0) yield;
    }
    return merged;
  }
}
