/**
 * Loaded into a node with `--import`: ends the committer's thread while it works on the batch whose number stands behind
 * `?batch=` of this module's name.
 */
import { Worker } from "node:worker_threads";

const last = Number(new URL(import.meta.url).searchParams.get("batch"));
const postMessage = Reflect.get(Worker.prototype, "postMessage") as (...message: unknown[]) => void;
let batches = 0;

Worker.prototype.postMessage = function send(this: Worker, ...message: Parameters<Worker["postMessage"]>) {
  postMessage.apply(this, message);
  if (isBatch(message[0]) && ++batches === last) void this.terminate();
};

function isBatch(message: unknown): boolean {
  return typeof message === "object" && message !== null && "operations" in message && "sentMs" in message;
}
