/**
 * The queue's own thread: a commit waits for the disk, and a mail of many megabytes for long. What comes while one
 * commit runs is committed together with the next.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { QueueDatabase } from "./queue-database.ts";
import type { QueueReply, QueueRequest } from "./queue-writer.ts";

const port = parentPort;
assert(port !== null, "queue thread started outside of a worker thread");
const { folder } = workerData as { folder: string };
const database = new QueueDatabase(folder);
/** Changes in one commit: bounds how long the first of them waits. */
const MAX_TOGETHER = 256;
let waiting: QueueRequest[] = [];

port.on("message", (request: QueueRequest | "close") => {
  if (request === "close") {
    while (waiting.length > 0) commit();
    database.close();
    port.close();
    return;
  }
  waiting.push(request);
  // After the messages that are here already.
  if (waiting.length === 1) setImmediate(commit);
});

function commit(): void {
  const requests = waiting.slice(0, MAX_TOGETHER);
  waiting = waiting.slice(MAX_TOGETHER);
  if (waiting.length > 0) setImmediate(commit);
  if (requests.length === 0) return;
  let replies: Omit<QueueReply, "count">[];
  try {
    replies = database.together(() => requests.map(run));
  } catch (error) {
    const text = messageOf(error);
    replies = requests.map(() => ({ error: text }));
  }
  for (const reply of replies) port?.postMessage({ ...reply, count: database.count } satisfies QueueReply);
}

/** What fails takes back only itself: changes of several statements are savepoints. */
function run({ change, parameters }: QueueRequest): Omit<QueueReply, "count"> {
  try {
    const method = database[change] as (...parameters: readonly unknown[]) => unknown;
    return { answer: method.apply(database, [...parameters]) };
  } catch (error) {
    return { error: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
