/**
 * How long it will take, from looks at the jobs that run.
 *
 * At first by what is left of them, and as much for each one in the queue; by the ends of users as soon as as many have
 * ended as run at a time, since a queue of users without changes says little by its messages. Users who wait for room at
 * their target are left out.
 */
import type { JobProgress, Overview } from "./overview.ts";

/** Workers tell their progress every two seconds, so single looks are no rates. */
const SMOOTH_SECONDS = 10;

type Looked = Pick<
  Overview,
  | "atMs"
  | "done"
  | "failed"
  | "queued"
  | "pausedCount"
  | "runningCount"
  | "messagesDone"
  | "messagesTotal"
  | "bytesDone"
  | "bytesTotal"
  | "messagesPerSecond"
  | "bytesPerSecond"
>;

interface Rate {
  readonly messages: number;
  readonly bytes: number;
}

export class Rates {
  readonly #first: Looked;
  #last: Looked;
  #jobs: ReadonlyMap<number, JobProgress>;
  /** Of messages and bytes that are behind a job, whether they were copied or found there. undefined = not seen yet. */
  #progress: Rate | undefined;

  constructor(first: Looked, jobs: ReadonlyMap<number, JobProgress> = new Map()) {
    this.#first = first;
    this.#last = first;
    this.#jobs = jobs;
  }

  add(next: Looked, jobs: ReadonlyMap<number, JobProgress>): void {
    const seconds = (next.atMs - this.#last.atMs) / 1000;
    let messages = 0;
    let bytes = 0;
    for (const [id, { messagesDone, bytesDone }] of jobs) {
      const before = this.#jobs.get(id);
      // Of a job that is new nobody knows when it got so far.
      if (before === undefined) continue;
      messages += Math.max(0, messagesDone - before.messagesDone);
      bytes += Math.max(0, bytesDone - before.bytesDone);
    }
    this.#last = next;
    this.#jobs = jobs;
    if (seconds <= 0) return;
    const sinceFirst = (next.atMs - this.#first.atMs) / 1000;
    const weight = Math.max(seconds / sinceFirst, 1 - Math.exp(-seconds / SMOOTH_SECONDS));
    const blend = (before: number, now: number): number => before + weight * (now - before);
    this.#progress = {
      messages: blend(this.#progress?.messages ?? 0, messages / seconds),
      bytes: blend(this.#progress?.bytes ?? 0, bytes / seconds),
    };
  }

  /** undefined while nothing moves and nobody has been finished. */
  get secondsLeft(): number | undefined {
    const { queued, pausedCount, runningCount } = this.#last;
    const left = queued - pausedCount + runningCount;
    if (left === 0) return 0;
    const finished = endedOf(this.#last) - endedOf(this.#first);
    const byUsers =
      finished <= 0 ? undefined : (left * (this.#last.atMs - this.#first.atMs)) / 1000 / finished;
    if (byUsers !== undefined && finished >= runningCount) return byUsers;
    return this.#secondsOfWork ?? byUsers;
  }

  get #secondsOfWork(): number | undefined {
    const { queued, pausedCount, runningCount, messagesDone, messagesTotal, bytesDone, bytesTotal } =
      this.#last;
    const { messagesPerSecond, bytesPerSecond } = this.#last;
    const rate = this.#progress ?? { messages: messagesPerSecond, bytes: bytesPerSecond };
    const waiting = runningCount === 0 ? 0 : (queued - pausedCount) / runningCount;
    const seconds = (total: number, done: number, perSecond: number): number =>
      perSecond <= 0 ? 0 : (Math.max(0, total - done) + total * waiting) / perSecond;
    // Whichever takes longer: large messages are few, small ones many.
    const longest = Math.max(
      seconds(messagesTotal, messagesDone, rate.messages),
      seconds(bytesTotal, bytesDone, rate.bytes),
    );
    return longest === 0 ? undefined : longest;
  }
}

function endedOf({ done, failed }: Looked): number {
  return done + failed;
}
