import { SingleBar } from "cli-progress";
import type { Progress } from "../admin/operation.ts";
import type { Clock } from "../base/io/clock.ts";

/** Work that is done sooner shows no bar. */
const SHOW_AFTER_MS = 1000;

export interface ProgressBar {
  step(progress: Progress): void;
  stop(): void;
}

/** A bar on standard error once the work has taken a second; nothing when that is no terminal. */
export function progressBar(clock: Clock): ProgressBar {
  if (!process.stderr.isTTY) return { step() {}, stop() {} };
  const startedMs = clock.monotonicMs();
  let bar: SingleBar | undefined;
  return {
    step({ what, done, total }) {
      if (bar === undefined) {
        if (clock.monotonicMs() - startedMs < SHOW_AFTER_MS) return;
        bar = new SingleBar({
          format: "{what} [{bar}] {percentage}% {value}/{total} {eta_formatted} left",
          stream: process.stderr,
          clearOnComplete: true,
        });
        bar.start(Math.max(total, done), done, { what });
      }
      bar.setTotal(Math.max(total, done));
      bar.update(done, { what });
    },
    stop: () => bar?.stop(),
  };
}
