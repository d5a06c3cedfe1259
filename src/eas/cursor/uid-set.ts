/**
 * The UIDs that a device has, as ranges: a mailbox of any size that was never expunged is one range.
 *
 * Stored as `kind` and what is smaller: 0 = count of ranges, then of each the gap before it and its length less 1; 1 = first
 * UID and a bit a UID from there (a mailbox with many holes).
 */
import { assert } from "../../base/assert.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";

const RANGES = 0;
const BITS = 1;

export class UidSet {
  // Ascending, disjoint, not adjacent; both ends inclusive.
  #firsts: number[] = [];
  #lasts: number[] = [];
  #count = 0;

  static of(uids: Iterable<number>): UidSet {
    const set = new UidSet();
    for (const uid of uids) set.add(uid);
    return set;
  }

  get count(): number {
    return this.#count;
  }
  get rangeCount(): number {
    return this.#firsts.length;
  }

  /** Index of the last range that starts at or below `uid`; -1 = none. */
  #rangeAt(uid: number): number {
    let low = 0;
    let high = this.#firsts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firsts[middle]! <= uid) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  has(uid: number): boolean {
    const at = this.#rangeAt(uid);
    return at >= 0 && uid <= this.#lasts[at]!;
  }

  add(uid: number): void {
    const at = this.#rangeAt(uid);
    if (at >= 0 && uid <= this.#lasts[at]!) return;
    this.#count++;
    const touchesBefore = at >= 0 && this.#lasts[at] === uid - 1;
    const touchesAfter = this.#firsts[at + 1] === uid + 1;
    if (touchesBefore && touchesAfter) {
      this.#lasts[at] = this.#lasts[at + 1]!;
      this.#firsts.splice(at + 1, 1);
      this.#lasts.splice(at + 1, 1);
    } else if (touchesBefore) this.#lasts[at] = uid;
    else if (touchesAfter) this.#firsts[at + 1] = uid;
    else {
      this.#firsts.splice(at + 1, 0, uid);
      this.#lasts.splice(at + 1, 0, uid);
    }
  }

  remove(uid: number): void {
    const at = this.#rangeAt(uid);
    if (at < 0 || uid > this.#lasts[at]!) return;
    this.#count--;
    const first = this.#firsts[at]!;
    const last = this.#lasts[at]!;
    if (first === last) {
      this.#firsts.splice(at, 1);
      this.#lasts.splice(at, 1);
    } else if (uid === first) this.#firsts[at] = uid + 1;
    else if (uid === last) this.#lasts[at] = uid - 1;
    else {
      this.#lasts[at] = uid - 1;
      this.#firsts.splice(at + 1, 0, uid + 1);
      this.#lasts.splice(at + 1, 0, last);
    }
  }

  /** Ascending. */
  *[Symbol.iterator](): Generator<number> {
    for (let at = 0; at < this.#firsts.length; at++) {
      for (let uid = this.#firsts[at]!; uid <= this.#lasts[at]!; uid++) yield uid;
    }
  }

  /** Those of the set that are not in `live` (ascending); costs the ranges, not the UIDs, where nothing is missing. */
  missingFrom(live: Uint32Array): number[] {
    const missing: number[] = [];
    for (let range = 0; range < this.#firsts.length; range++) {
      const first = this.#firsts[range]!;
      const last = this.#lasts[range]!;
      let at = lowerBound(live, first);
      if (live[at] === first && live[at + last - first] === last) continue;
      for (let uid = first; uid <= last; uid++) {
        if (live[at] === uid) at++;
        else missing.push(uid);
      }
    }
    return missing;
  }

  /** Those of `live` (ascending) that are not in the set, highest first, at most `limit`. Passes over whole ranges. */
  newestOutside(live: Uint32Array, limit: number): number[] {
    const found: number[] = [];
    let range = this.#firsts.length - 1;
    for (let at = live.length - 1; at >= 0 && found.length < limit;) {
      const uid = live[at]!;
      while (range >= 0 && this.#firsts[range]! > uid) range--;
      if (range >= 0 && uid <= this.#lasts[range]!) at = lowerBound(live, this.#firsts[range]!) - 1;
      else {
        found.push(uid);
        at--;
      }
    }
    return found;
  }

  encode(writer: ByteWriter): void {
    const ranges = new ByteWriter();
    ranges.number(this.#firsts.length);
    let end = 0;
    for (let at = 0; at < this.#firsts.length; at++) {
      ranges.number(this.#firsts[at]! - end);
      ranges.number(this.#lasts[at]! - this.#firsts[at]!);
      end = this.#lasts[at]!;
    }
    const first = this.#firsts[0] ?? 0;
    const bits = Math.ceil((end - first + 1) / 8);
    if (bits >= ranges.length) {
      writer.number(RANGES);
      writer.bytes(ranges.finish());
      return;
    }
    const bitmap = Buffer.alloc(bits);
    for (const uid of this) bitmap[(uid - first) >>> 3]! |= 1 << ((uid - first) & 7);
    writer.number(BITS);
    writer.number(first);
    writer.bytes(bitmap);
  }

  static decode(reader: ByteReader): UidSet {
    const set = new UidSet();
    const kind = reader.number();
    if (kind === BITS) {
      const first = reader.number();
      set.#readBits(first, reader.bytes());
      return set;
    }
    assert(kind === RANGES, "a stored set of UIDs is of no known kind");
    const ranges = new ByteReader(reader.bytes());
    const count = ranges.number();
    let end = 0;
    for (let at = 0; at < count; at++) {
      const first = end + ranges.number();
      end = first + ranges.number();
      set.#push(first, end);
    }
    return set;
  }

  #readBits(first: number, bitmap: Buffer): void {
    let start = -1;
    for (let bit = 0; bit < 8 * bitmap.length; bit++) {
      const isSet = (bitmap[bit >>> 3]! & (1 << (bit & 7))) !== 0;
      if (isSet && start < 0) start = bit;
      else if (!isSet && start >= 0) {
        this.#push(first + start, first + bit - 1);
        start = -1;
      }
    }
    if (start >= 0) this.#push(first + start, first + 8 * bitmap.length - 1);
  }

  #push(first: number, last: number): void {
    this.#firsts.push(first);
    this.#lasts.push(last);
    this.#count += last - first + 1;
  }
}

/** Index of the first element at or above `value`. */
export function lowerBound(ascending: Uint32Array, value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ascending[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
