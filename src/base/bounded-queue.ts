import { assert } from "./assert.ts";

/**
 * First in, first out, with a bound on the number of items and on their total weight (bytes, say).
 * `offer` says no instead of growing; what then happens (refuse, wait, drop) is the caller's decision.
 */
export class BoundedQueue<Item> {
  readonly maxItems: number;
  readonly maxWeight: number;
  readonly #weigh: (item: Item) => number;
  // A ring that doubles up to maxItems: an idle queue stays small.
  #ring: (Item | undefined)[] = Array.from({ length: 8 });
  #head = 0;
  #length = 0;
  #weight = 0;

  constructor(bounds: { maxItems: number; maxWeight?: number; weigh?: (item: Item) => number }) {
    assert(bounds.maxItems >= 1, `queue bound is ${bounds.maxItems}`);
    this.maxItems = bounds.maxItems;
    this.maxWeight = bounds.maxWeight ?? Number.POSITIVE_INFINITY;
    this.#weigh = bounds.weigh ?? (() => 0);
  }

  get length(): number {
    return this.#length;
  }

  get weight(): number {
    return this.#weight;
  }

  /** False when full. An item heavier than the whole bound is taken when the queue is empty, so that it is not stuck. */
  offer(item: Item): boolean {
    const weight = this.#weigh(item);
    if (this.#length >= this.maxItems) return false;
    if (this.#length > 0 && this.#weight + weight > this.maxWeight) return false;
    if (this.#length === this.#ring.length) this.#grow();
    this.#ring[(this.#head + this.#length) % this.#ring.length] = item;
    this.#length++;
    this.#weight += weight;
    return true;
  }

  peek(): Item | undefined {
    return this.#ring[this.#head];
  }

  poll(): Item | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#ring[this.#head] as Item;
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#length--;
    this.#weight -= this.#weigh(item);
    return item;
  }

  /** Takes up to `count` items, oldest first. */
  pollMany(count: number): Item[] {
    const items: Item[] = [];
    while (items.length < count && this.#length > 0) items.push(this.poll() as Item);
    return items;
  }

  #grow(): void {
    const next: (Item | undefined)[] = Array.from({ length: this.#ring.length * 2 });
    for (let i = 0; i < this.#length; i++) next[i] = this.#ring[(this.#head + i) % this.#ring.length];
    this.#ring = next;
    this.#head = 0;
  }
}
