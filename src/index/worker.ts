/** The index's thread: tokenising, merging, scanning and verifying happen here, never on the session thread. */
import { constants, platform, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { IndexDatabase } from "./index-database.ts";
import { matches } from "./matches.ts";
import { unpackBodies, type IndexReply, type IndexRequest, type PackedBodies } from "./worker-protocol.ts";

// Below the other threads: on a busy machine the index falls behind instead of slowing deliveries (what is not indexed
// yet is scanned). Linux keeps a priority for each thread; elsewhere this would be the process's.
if (platform() === "linux") setPriority(constants.priority.PRIORITY_BELOW_NORMAL);

const port = parentPort;
assert(port !== null, "index worker started outside of a worker thread");
const { path } = workerData as { path: string };
const database = new IndexDatabase(path);

port.on("message", (request: IndexRequest) => {
  let reply: IndexReply;
  try {
    reply = { answer: answer(request) };
  } catch (error) {
    const failure = error instanceof Error ? error : new Error(String(error));
    // An Error sent to another thread would lose its code.
    const code = "code" in failure ? String(failure.code) : undefined;
    reply = { error: { message: failure.message, code } };
  }
  port.postMessage(reply);
  if (request.op === "close") port.close();
});

function answer(request: IndexRequest): unknown {
  switch (request.op) {
    case "state":
      return database.state(request.mailbox, request.uidValidity);
    case "mailboxes":
      return database.mailboxes();
    case "add":
      return database.add(
        request.mailbox,
        request.uidValidity,
        numbered(request.uids, request.bodies),
        request.indexedTo,
      );
    case "trim":
      return database.trim(request.mailbox, new Set(request.live));
    case "drop":
      return database.drop(request.mailbox);
    case "candidates":
      return database.candidates(request.mailbox, request.query.kind, request.query.value);
    case "verify": {
      const found: number[] = [];
      for (const body of unpackBodies(request.bodies)) found.push(matches(body, request.query) ? 1 : 0);
      return Uint8Array.from(found);
    }
    case "totals":
      return database.totals();
    case "close":
      return database.close();
    default:
      return request satisfies never;
  }
}

function* numbered(uids: Uint32Array, bodies: PackedBodies): Iterable<{ uid: number; bytes: Buffer }> {
  let index = 0;
  for (const bytes of unpackBodies(bodies)) yield { uid: uids[index++]!, bytes };
}
