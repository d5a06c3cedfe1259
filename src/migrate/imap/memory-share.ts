/** How much mail the jobs of a worker may hold in memory together, shared out evenly. */
const TOTAL_BYTES = 3 * 2 ** 20;
const LEAST_BYTES = 96 * 1024;
const MOST_BYTES = 3 * 2 ** 20;

export class MemoryShare {
  #jobs = 0;

  enter(): () => void {
    this.#jobs++;
    let isIn = true;
    return () => {
      if (isIn) this.#jobs--;
      isIn = false;
    };
  }

  /** Of one job, now. */
  get bytes(): number {
    return Math.min(MOST_BYTES, Math.max(LEAST_BYTES, Math.floor(TOTAL_BYTES / Math.max(1, this.#jobs))));
  }
}
