/** A list of numbers that grows, packed. */
export class NumberList<Numbers extends Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
  readonly #make: (length: number) => Numbers;
  #values: Numbers;
  #length = 0;

  constructor(make: (length: number) => Numbers) {
    this.#make = make;
    this.#values = make(64);
  }

  get length(): number {
    return this.#length;
  }

  get sizeBytes(): number {
    return this.#values.byteLength;
  }

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const grown = this.#make(this.#length + (this.#length >>> 1));
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#length++] = value;
  }

  at(index: number): number {
    return this.#values[index]!;
  }

  /** Of the moment; shares memory. */
  get values(): Numbers {
    return this.#values.subarray(0, this.#length) as Numbers;
  }
}

export function uint32List(): NumberList<Uint32Array<ArrayBuffer>> {
  return new NumberList((length) => new Uint32Array(length));
}

export function float64List(): NumberList<Float64Array<ArrayBuffer>> {
  return new NumberList((length) => new Float64Array(length));
}
