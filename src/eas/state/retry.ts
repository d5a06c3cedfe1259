/**
 * A database that cannot be reached for a moment: tried again a few times before the request of the device fails
 * (S2.26–S2.30). Only what is safe to repeat comes here: reading, and writing on the condition of a version.
 */
import type { Clock } from "../../base/io/clock.ts";
import { SqlError } from "../../base/io/sql/port.ts";
import type { Log } from "../../base/log.ts";

export interface RetryPolicy {
  readonly clock: Clock;
  readonly log: Log;
  /** Attempts after the first. */
  readonly maxRetries: number;
  /** Before the first repetition; doubles with each. */
  readonly delayMs: number;
}

export async function withRetries<T>(
  policy: RetryPolicy,
  action: string,
  work: () => Promise<T>,
): Promise<T> {
  for (let retries = 0; ; retries++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof SqlError && error.code === "unavailable") || retries >= policy.maxRetries) {
        throw error;
      }
      policy.log.warn("Retrying on unavailable exception", { action, retries, err: error });
      await pause(policy.clock, policy.delayMs * 2 ** retries);
    }
  }
}

function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(delayMs, resolve);
  });
}
