/**
 * Numbers words in the order in which they first come, without a string for each: their UTF-16 units lie one behind the
 * other, found by a hash table of numbers.
 */
import { systemRandom } from "../base/io/random.ts";

/** Of this process, so that nobody can write mail whose words all fall into one place. */
const SEED = systemRandom.bytes(4).readInt32LE(0);
const FACTOR = systemRandom.bytes(4).readInt32LE(0) | 1;

const FIRST_SLOTS = 1024;
const FIRST_UNITS = 4096;

export class WordTable {
  /** Number + 1 of the word in each slot, 0 = free; at most half of them are taken. */
  #slots = new Int32Array(FIRST_SLOTS);
  #hashes = new Int32Array(FIRST_SLOTS / 2);
  /** Where each word begins among `#units`; one more than there are words. */
  #starts = new Uint32Array(FIRST_SLOTS / 2 + 1);
  #units = new Uint16Array(FIRST_UNITS);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Number of the word `text.slice(start, end)`. */
  numberOf(text: string, start: number, end: number): number {
    let hash = SEED;
    for (let at = start; at < end; at++) {
      hash = Math.imul(hash ^ text.charCodeAt(at), FACTOR);
      hash ^= hash >>> 15;
    }
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let known = this.#slots[slot]!; known !== 0; known = this.#slots[slot]!) {
      if (this.#hashes[known - 1] === hash && this.#is(known - 1, text, start, end)) return known - 1;
      slot = (slot + 1) & mask;
    }
    return this.#add(hash, slot, text, start, end);
  }

  #is(number: number, text: string, start: number, end: number): boolean {
    const from = this.#starts[number]!;
    if (this.#starts[number + 1]! - from !== end - start) return false;
    const units = this.#units;
    for (let at = start; at < end; at++) if (units[from + at - start] !== text.charCodeAt(at)) return false;
    return true;
  }

  #add(hash: number, slot: number, text: string, start: number, end: number): number {
    const number = this.#count++;
    const from = this.#starts[number]!;
    const to = from + end - start;
    if (to > this.#units.length) {
      const units = new Uint16Array(Math.max(to, 2 * this.#units.length));
      units.set(this.#units);
      this.#units = units;
    }
    for (let at = start; at < end; at++) this.#units[from + at - start] = text.charCodeAt(at);
    this.#hashes[number] = hash;
    this.#starts[number + 1] = to;
    this.#slots[slot] = number + 1;
    if (2 * this.#count === this.#slots.length) this.#grow();
    return number;
  }

  #grow(): void {
    const slots = new Int32Array(2 * this.#slots.length);
    const mask = slots.length - 1;
    for (let number = 0; number < this.#count; number++) {
      let slot = this.#hashes[number]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = number + 1;
    }
    const hashes = new Int32Array(slots.length / 2);
    hashes.set(this.#hashes);
    const starts = new Uint32Array(slots.length / 2 + 1);
    starts.set(this.#starts);
    this.#slots = slots;
    this.#hashes = hashes;
    this.#starts = starts;
  }

  /** Writes a word in UTF-8; `bytes` has room for three bytes a unit. Returns where it ends. */
  write(number: number, bytes: Buffer, from: number): number {
    let at = from;
    const units = this.#units;
    const end = this.#starts[number + 1]!;
    for (let unit = this.#starts[number]!; unit < end; unit++) {
      if (units[unit]! >= 0x80) {
        const word = units.subarray(this.#starts[number], end);
        return from + bytes.write(String.fromCharCode(...word), from, "utf8");
      }
      bytes[at++] = units[unit]!;
    }
    return at;
  }

  /** Units of all words. */
  get units(): number {
    return this.#starts[this.#count]!;
  }
}
