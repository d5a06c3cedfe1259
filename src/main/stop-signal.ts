import type { Log } from "../base/log.ts";
import { ExitCode } from "./exit-codes.ts";

/** A node that has not stopped by then is ended: whatever holds it back, an init system would kill it anyway. */
const STOP_LIMIT_MS = 4500;

export interface Stoppable {
  stop(): Promise<void>;
  /** SIGHUP: read certificates and log levels again, reopen log files. */
  reload(): void;
}

/** Nothing can be written any more, but all that was acknowledged is on disk: the init system starts the node anew. */
export function endWithoutStore(log: Log): void {
  log.error("the store cannot write any more; the node ends", {
    next: "The init system starts it again. Started by hand: start it again. Nothing that was acknowledged is lost.",
  });
  process.exitCode = ExitCode.unavailable;
  process.kill(process.pid, "SIGTERM");
}

/** Serves until SIGINT or SIGTERM, then stops the node and resolves. A second signal ends the process at once. */
export async function serveUntilSignal(node: Stoppable, log: Log): Promise<void> {
  process.on("SIGHUP", () => node.reload());
  // A bug outside every session: the state of the process is unknown, the disk's is not. The init system starts anew.
  process.on("uncaughtException", (error) => {
    log.error("crashed", { err: error });
    process.exit(ExitCode.internal);
  });
  const signal = await new Promise<NodeJS.Signals>((received) => {
    process.once("SIGINT", received);
    process.once("SIGTERM", received);
  });
  log.info("stopping", { signal });
  const endNow = (): never => process.exit(1);
  process.once("SIGINT", endNow);
  process.once("SIGTERM", endNow);
  const limit = setTimeout(() => {
    log.error("stopping took too long", { limitMs: STOP_LIMIT_MS });
    process.exit(1);
  }, STOP_LIMIT_MS);
  limit.unref();
  await node.stop();
  clearTimeout(limit);
  log.info("stopped");
}
