/** The committer's thread: takes batches, answers with reports, nothing else. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { systemDisk } from "../../base/io/system-disk.ts";
import type { Operation } from "../operations.ts";
import { Committer } from "./committer.ts";
import { openDatabase } from "./open-database.ts";

export interface CommitterWorkerData {
  readonly folder: string;
}

export type ToCommitter =
  | { readonly kind: "run"; readonly operations: readonly Operation[] }
  | { readonly kind: "close" };

assert(parentPort !== null, "the committer runs as a worker thread");
const port = parentPort;
const { folder } = workerData as CommitterWorkerData;
const database = openDatabase(`${folder}/index.sqlite`);
const committer = new Committer({
  folder,
  database,
  disk: systemDisk,
  clock: systemClock,
  random: systemRandom,
});
port.postMessage({ kind: "ready" });
port.on("message", (message: ToCommitter) => {
  if (message.kind === "run") {
    port.postMessage({ kind: "report", report: committer.run(message.operations) });
    return;
  }
  committer.close();
  database.close();
  port.postMessage({ kind: "closed" });
  port.close();
});
