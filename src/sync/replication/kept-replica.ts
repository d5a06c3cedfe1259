/**
 * The connection of the last single run, kept for a moment: who replicates users one by one would spend most of the time on
 * logins.
 */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { Replica } from "../client/replica.ts";

const KEEP_MS = 5_000;

interface Kept {
  /** Says to whom, and as whom. */
  readonly key: string;
  readonly replica: Replica;
  readonly timer: Timer;
}

export class KeptReplica {
  readonly #clock: Clock;
  #kept: Kept | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** undefined when there is none for it, or its connection is gone. */
  take(key: string): Replica | undefined {
    const kept = this.#kept;
    if (kept === undefined || kept.key !== key) return undefined;
    kept.timer.cancel();
    this.#kept = undefined;
    return kept.replica.link.isLost ? undefined : kept.replica;
  }

  /** Instead of closing it. */
  async keep(key: string, replica: Replica): Promise<void> {
    if (replica.link.isLost) return;
    // Whatever a broken-off run has left there. The next one's answers come behind this one's.
    replica.restart().catch(() => undefined);
    const before = this.#kept;
    const timer = this.#clock.setTimer(KEEP_MS, () => void this.close());
    this.#kept = { key, replica, timer };
    before?.timer.cancel();
    await before?.replica.link.close();
  }

  async close(): Promise<void> {
    const kept = this.#kept;
    this.#kept = undefined;
    kept?.timer.cancel();
    await kept?.replica.link.close();
  }
}
