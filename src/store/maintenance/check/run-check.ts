/** Runs a check in a thread of its own, or in this one on a simulated disk. */
import { Worker } from "node:worker_threads";
import type { Disk } from "../../../base/io/disk.ts";
import { systemDisk } from "../../../base/io/system-disk.ts";
import { ReadIndex } from "../../read-index.ts";
import { checkStore, type CheckOptions } from "./check-store.ts";
import type { CheckEvent, RepairPlan } from "./finding.ts";

/** Events of the inline check between two turns of the event loop. */
const EVENTS_A_TURN = 64;

export interface CheckWorkerData {
  readonly folder: string;
  readonly options: CheckOptions;
}

export type FromCheck =
  | { readonly kind: "event"; readonly event: CheckEvent }
  | { readonly kind: "done"; readonly plan: RepairPlan };

export async function runCheck(
  folder: string,
  disk: Disk,
  options: CheckOptions,
  onEvent: (event: CheckEvent) => void,
): Promise<RepairPlan> {
  return disk === systemDisk
    ? await runInThread({ folder, options }, onEvent)
    : await runHere(folder, disk, options, onEvent);
}

function runInThread(data: CheckWorkerData, onEvent: (event: CheckEvent) => void): Promise<RepairPlan> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./check-worker.ts", import.meta.url), {
      workerData: data,
      name: "check",
    });
    worker.on("message", (message: FromCheck) => {
      if (message.kind === "event") onEvent(message.event);
      else resolve(message.plan);
    });
    worker.on("error", reject);
    worker.on("exit", (code) => reject(new Error(`the check ended with code ${code}`)));
  });
}

async function runHere(
  folder: string,
  disk: Disk,
  options: CheckOptions,
  onEvent: (event: CheckEvent) => void,
): Promise<RepairPlan> {
  const index = new ReadIndex(folder);
  try {
    const check = checkStore({ index, disk, folder }, options);
    for (let events = 1; ; events++) {
      const step = check.next();
      if (step.done === true) return step.value;
      onEvent(step.value);
      if (events % EVENTS_A_TURN === 0) await new Promise((turn) => setImmediate(turn));
    }
  } finally {
    index.close();
  }
}
