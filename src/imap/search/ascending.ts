/** Membership in a long ascending list as it is: a Set of a hundred thousand numbers takes too long to build at a stretch. */
export class Ascending {
  readonly #numbers: readonly number[];

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  has(wanted: number): boolean {
    const numbers = this.#numbers;
    let low = 0;
    let high = numbers.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return numbers[low] === wanted;
  }
}
