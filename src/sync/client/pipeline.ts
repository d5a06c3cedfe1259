/** Commands under way whose answers nobody waits for one by one: a round trip each would cost more than the work. */

/** More are not begun before the oldest is answered. */
const MAX_UNANSWERED = 64;

export class Pipeline {
  readonly #answers: Promise<unknown>[] = [];

  /** Waits only when many are under way. @throws what went wrong with an older one */
  async add(answer: Promise<unknown>): Promise<void> {
    // It may fail before anybody waits for it.
    answer.catch(() => undefined);
    this.#answers.push(answer);
    if (this.#answers.length > MAX_UNANSWERED) await this.#answers.shift();
  }

  /** Until all are answered. @throws what went wrong first */
  async end(): Promise<void> {
    for (let answer = this.#answers.shift(); answer !== undefined; answer = this.#answers.shift())
      await answer;
  }
}
