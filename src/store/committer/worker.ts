/** The committer's thread: takes batches, answers with reports, nothing else. */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { systemClock, threadsMs } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { systemDisk } from "../../base/io/system-disk.ts";
import type { CommitReport, Operation } from "../operations.ts";
import { Committer } from "./committer.ts";
import { openDatabase } from "./open-database.ts";

export interface CommitterWorkerData {
  readonly folder: string;
}

export type ToCommitter =
  | { readonly kind: "run"; readonly operations: readonly Operation[]; readonly sentMs: number }
  | { readonly kind: "close" };

/** Of a batch; the last piece may go over it. */
const MAX_OPERATIONS = 512;

const LONG_COLUMN_BYTES = 65_536;

/** Who owns a user is asked when a batch is sent; what has waited longer since then goes back to be asked again. */
const MAX_AGE_MS = 250;

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
  for (let next: ToCommitter | undefined = message; next !== undefined;) {
    if (next.kind === "close") {
      close();
      return;
    }
    const { sentMs } = next;
    const batches = [next.operations];
    next = undefined;
    // What came while the last batch was committed is one batch.
    for (let count = batches[0]!.length; count < MAX_OPERATIONS; count += batches.at(-1)!.length) {
      const more = receiveMessageOnPort(port)?.message as ToCommitter | undefined;
      if (more === undefined) break;
      if (more.kind === "close") {
        next = more;
        break;
      }
      batches.push(more.operations);
    }
    if (threadsMs() - sentMs > MAX_AGE_MS) {
      port.postMessage({ kind: "late", batches: batches.length });
      continue;
    }
    const report = committer.run(batches.length === 1 ? batches[0]! : batches.flat());
    const counts = batches.map(({ length }) => length);
    port.postMessage({ kind: "report", report, counts }, longColumns(report));
  }
});

/** Long columns change hands; short ones are copied faster. */
function longColumns({ deltas }: CommitReport): ArrayBuffer[] {
  const long: ArrayBuffer[] = [];
  for (const { appended, changed, expunged } of deltas) {
    for (const columns of [appended?.hot, appended?.cold, changed, expunged]) {
      for (const column of Object.values(columns ?? {}) as (Uint8Array<ArrayBuffer> | undefined)[]) {
        if (column !== undefined && column.byteLength >= LONG_COLUMN_BYTES) long.push(column.buffer);
      }
    }
  }
  return long;
}

function close(): void {
  committer.close();
  database.close();
  port.postMessage({ kind: "closed" });
  port.close();
}
