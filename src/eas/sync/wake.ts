/** Holding a request without a thread: it sleeps until a hint of the account, its time is up, or its client is gone. */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { Account } from "../account/port.ts";

export type WakeReason = "news" | "timeout" | "aborted";

export class Wake {
  /** Keys that hints named since they were taken last; undefined in it = the folder tree. */
  #hints = new Set<string | undefined>();
  #wake: (() => void) | undefined;
  #stop: (() => void) | undefined;

  /** Hints count from here on, so watch before looking. */
  static async watch(account: Account, keys: readonly string[]): Promise<Wake> {
    const wake = new Wake();
    wake.#stop = await account.watch(keys, (key) => {
      wake.#hints.add(key);
      wake.#wake?.();
    });
    return wake;
  }

  takeHints(): ReadonlySet<string | undefined> {
    const hints = this.#hints;
    this.#hints = new Set();
    return hints;
  }

  /** At once when there are hints already. */
  async sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<WakeReason> {
    if (signal.aborted) return "aborted";
    if (this.#hints.size > 0) return "news";
    if (delayMs <= 0) return "timeout";
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      const end = (reason: WakeReason): void => {
        this.#wake = undefined;
        timer?.cancel();
        signal.removeEventListener("abort", aborted);
        resolve(reason);
      };
      const aborted = (): void => end("aborted");
      this.#wake = () => end("news");
      signal.addEventListener("abort", aborted);
      timer = clock.setTimer(delayMs, () => end("timeout"));
    });
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }
}
