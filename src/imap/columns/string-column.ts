/** Strings to sort by. Equal ones are kept once, and only new ones are sorted in, so that a sort compares ranks. */
import type { MessageSummary } from "../../mime/summary.ts";
import { Column } from "./column.ts";
import { uint32List } from "./numbers.ts";

/** A string with its place in a map, roughly. */
const STRING_OVERHEAD_BYTES = 96;

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
    if (this.#sorted.length < this.#strings.length) this.#sortNew();
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

  #sortNew(): void {
    const strings = this.#strings;
    const added: number[] = [];
    for (let id = this.#sorted.length; id < strings.length; id++) added.push(id);
    added.sort((a, b) => (strings[a]! < strings[b]! ? -1 : 1));
    const merged: number[] = [];
    let next = 0;
    for (const id of this.#sorted) {
      while (next < added.length && strings[added[next]!]! < strings[id]!) merged.push(added[next++]!);
      merged.push(id);
    }
    while (next < added.length) merged.push(added[next++]!);
    this.#sorted = merged;
    this.#rankOfId = new Uint32Array(merged.length);
    for (let rank = 0; rank < merged.length; rank++) this.#rankOfId[merged[rank]!] = rank;
  }
}
