import { assert } from "./assert.ts";

export interface LruBounds<Key, Value> {
  readonly maxEntries: number;
  /** Bound on the sum of `sizeOf` (bytes, say). */
  readonly maxSize?: number;
  readonly sizeOf?: (value: Value, key: Key) => number;
  /** Called for every entry that leaves: pushed out, replaced, deleted or cleared. */
  readonly onEvict?: (value: Value, key: Key) => void;
}

/** Keeps the entries used last, inside its bounds. A value bigger than the whole bound is not kept at all. */
export class Lru<Key, Value> {
  readonly #bounds: LruBounds<Key, Value>;
  // A Map iterates in order of insertion; a used entry is taken out and put in again, so the first is the oldest.
  readonly #entries = new Map<Key, { readonly value: Value; readonly size: number }>();
  #size = 0;

  constructor(bounds: LruBounds<Key, Value>) {
    assert(bounds.maxEntries >= 1, `cache bound is ${bounds.maxEntries}`);
    this.#bounds = bounds;
  }

  get count(): number {
    return this.#entries.size;
  }

  /** Sum of `sizeOf` over all entries. */
  get size(): number {
    return this.#size;
  }

  get(key: Key): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  /** Looks without counting as use. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key)?.value;
  }

  set(key: Key, value: Value): void {
    this.delete(key);
    const size = this.#bounds.sizeOf?.(value, key) ?? 0;
    const maxSize = this.#bounds.maxSize ?? Number.POSITIVE_INFINITY;
    if (size > maxSize) {
      this.#bounds.onEvict?.(value, key);
      return;
    }
    this.#entries.set(key, { value, size });
    this.#size += size;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#bounds.maxEntries && this.#size <= maxSize) break;
      this.delete(oldest);
    }
  }

  delete(key: Key): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#size -= entry.size;
    this.#bounds.onEvict?.(entry.value, key);
    return true;
  }

  clear(): void {
    for (const key of this.#entries.keys()) this.delete(key);
  }

  keys(): IterableIterator<Key> {
    return this.#entries.keys();
  }
}
