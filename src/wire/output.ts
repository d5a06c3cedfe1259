/**
 * Builds output bytes in slabs that all sessions of the process share: a session holds a slab only between its first
 * write and its flush, so an idle connection holds none. Large buffers go out by reference, never copied.
 */

const SLAB_BYTES = 64 * 1024;
/** A rest smaller than this is not worth keeping. */
const SLAB_KEEP_BYTES = 2 * 1024;
/** Copying costs less than one more write up to about here. */
const COPY_LIMIT_BYTES = 8 * 1024;
/** Slabs kept for reuse; more are left to the garbage collector. */
const POOL_LIMIT = 16;

const pool: Buffer[] = [];

export class Output {
  readonly #sink: (bytes: Buffer) => void;
  #slab: Buffer = EMPTY;
  /** Start of what was not handed to the sink yet. */
  #start = 0;
  #end = 0;
  #written = 0;

  constructor(sink: (bytes: Buffer) => void) {
    this.#sink = sink;
  }

  /** Bytes written since construction: for limits and for "did this command say anything". */
  get totalBytes(): number {
    return this.#written;
  }

  /** Text of US-ASCII characters only. */
  ascii(text: string): this {
    const length = text.length;
    if (length > COPY_LIMIT_BYTES) return this.bytes(Buffer.from(text, "latin1"));
    this.#reserve(length);
    if (length < 24) {
      const slab = this.#slab;
      let at = this.#end;
      for (let i = 0; i < length; i++) slab[at++] = text.charCodeAt(i);
      this.#end = at;
    } else this.#end += this.#slab.write(text, this.#end, length, "latin1");
    this.#written += length;
    return this;
  }

  /** Each number after a space: long lists of SEARCH, SORT and the like. */
  numbers(values: readonly number[]): this {
    for (let i = 0; i < values.length; i++) {
      this.#reserve(1);
      this.#slab[this.#end++] = 32;
      this.#written++;
      this.number(values[i]!);
    }
    return this;
  }

  /** A whole number in decimal. */
  number(value: number): this {
    if (value < 0 || value > 0x7fff_ffff || (value | 0) !== value) return this.ascii(String(value));
    this.#reserve(10);
    let digits = 1;
    for (let bound = 10; digits < 10 && value >= bound; bound *= 10) digits++;
    const slab = this.#slab;
    let rest = value;
    for (let at = this.#end + digits - 1; at >= this.#end; at--) {
      const next = (rest / 10) | 0;
      slab[at] = 48 + rest - next * 10;
      rest = next;
    }
    this.#end += digits;
    this.#written += digits;
    return this;
  }

  /** The buffer must not change afterwards. */
  bytes(bytes: Uint8Array): this {
    const length = bytes.length;
    if (length > COPY_LIMIT_BYTES) {
      this.#emit();
      this.#written += length;
      this.#sink(Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, length));
      return this;
    }
    this.#reserve(length);
    this.#slab.set(bytes, this.#end);
    this.#end += length;
    this.#written += length;
    return this;
  }

  /** Hands everything to the sink and gives the slab back. */
  flush(): void {
    this.#emit();
    const slab = this.#slab;
    if (slab === EMPTY) return;
    if (slab.length - this.#end >= SLAB_KEEP_BYTES && pool.length < POOL_LIMIT)
      pool.push(slab.subarray(this.#end));
    this.#slab = EMPTY;
    this.#start = this.#end = 0;
  }

  #emit(): void {
    if (this.#end > this.#start) this.#sink(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #reserve(length: number): void {
    if (this.#slab.length - this.#end >= length) return;
    this.#emit();
    const pooled = pool.pop();
    this.#slab =
      pooled !== undefined && pooled.length >= length ? pooled : Buffer.allocUnsafeSlow(SLAB_BYTES);
    this.#start = this.#end = 0;
  }
}

const EMPTY = Buffer.alloc(0);
