/** The thread of a check: it reads the index and the segments, and changes nothing. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../../base/assert.ts";
import { systemDisk } from "../../../base/io/system-disk.ts";
import { ReadIndex } from "../../read-index.ts";
import { checkStore } from "./check-store.ts";
import type { CheckWorkerData, FromCheck } from "./run-check.ts";

assert(parentPort !== null, "the check runs as a worker thread");
const port = parentPort;
const { folder, options } = workerData as CheckWorkerData;
const index = new ReadIndex(folder);
const send = (message: FromCheck) => port.postMessage(message);
const check = checkStore({ index, disk: systemDisk, folder }, options);
for (;;) {
  const step = check.next();
  if (step.done === true) {
    send({ kind: "done", plan: step.value });
    break;
  }
  send({ kind: "event", event: step.value });
}
index.close();
