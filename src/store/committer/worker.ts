/** The committer's thread: takes batches, answers with reports, nothing else. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../base/assert.ts";
import { systemClock, threadsMs } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { systemDisk } from "../../base/io/system-disk.ts";
import type { CommitReport, Operation } from "../operations.ts";
import { Committer } from "./committer.ts";
import { Inbox, type SentBatches, type ToCommitter } from "./inbox.ts";
import { openDatabase } from "./open-database.ts";

export interface CommitterWorkerData {
  readonly folder: string;
  /** Of the index's pages. */
  readonly cacheBytes: number;
}

const LONG_COLUMN_BYTES = 65_536;

/** Who owns a user is asked when a batch is sent; what has waited longer since then goes back to be asked again. */
const MAX_AGE_MS = 250;

assert(parentPort !== null, "the committer runs as a worker thread");
const port = parentPort;
const { folder, cacheBytes } = workerData as CommitterWorkerData;
const database = openDatabase(`${folder}/index.sqlite`, cacheBytes);
const committer = new Committer({
  folder,
  database,
  disk: systemDisk,
  clock: systemClock,
  random: systemRandom,
});
port.postMessage({ kind: "ready" });
const inbox = new Inbox(port);
port.on("message", (message: ToCommitter) => {
  inbox.push(message);
  for (let batches = inbox.take(); batches !== undefined; batches = inbox.take()) {
    if (batches === "close") {
      close();
      return;
    }
    const startMs = threadsMs();
    commit(batches);
    inbox.gather(batches.operations.length, threadsMs() - startMs);
  }
});

function commit({ operations, counts, sentMs }: SentBatches): void {
  if (threadsMs() - sentMs > MAX_AGE_MS) {
    port.postMessage({ kind: "late", batches: counts.length });
    return;
  }
  const report = committer.run(operations);
  port.postMessage({ kind: "report", report, counts }, longColumns(report));
  freeBodies(operations);
}

/** They are on disk, or refused. The collector would let some 60 MiB of them gather before it looks. */
function freeBodies(operations: readonly Operation[]): void {
  const buffers = new Set<ArrayBuffer>();
  for (const { bodies } of operations) {
    for (const body of bodies) {
      if (body.kind === "bytes" && body.bytes.buffer instanceof ArrayBuffer) buffers.add(body.bytes.buffer);
    }
  }
  for (const buffer of buffers) buffer.transfer(0);
}

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
