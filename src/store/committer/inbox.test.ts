import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MessageChannel, type MessagePort } from "node:worker_threads";
import type { Operation } from "../operations.ts";
import { Inbox, type ToCommitter } from "./inbox.ts";

const OPERATION: Operation = { kind: "removeSegments", args: {}, bodies: [] };

function run(operations: number, sentMs = 0): ToCommitter {
  return { kind: "run", operations: Array.from({ length: operations }, () => OPERATION), sentMs };
}

/** The clock moves a millisecond whenever it is asked; `onTick` hears of it first. */
function open(context: TestContext, onTick: (nowMs: number, sender: MessagePort) => void = () => {}) {
  const { port1, port2 } = new MessageChannel();
  context.after(() => port1.close());
  let nowMs = 0;
  const inbox = new Inbox(port2, () => {
    onTick(++nowMs, port1);
    return nowMs;
  });
  return { inbox, sender: port1, asked: () => nowMs };
}

test("Inbox: all that is there is one batch, up to its bound", (context) => {
  const { inbox, sender } = open(context);
  inbox.push(run(1, 7));
  sender.postMessage(run(2, 8), []);
  sender.postMessage(run(510), []);
  sender.postMessage(run(1), []);
  const first = inbox.take();
  assert.ok(typeof first === "object");
  assert.deepEqual([first.counts, first.sentMs, first.operations.length], [[1, 2, 510], 7, 513]);
  const second = inbox.take();
  assert.ok(typeof second === "object");
  assert.deepEqual(second.counts, [1]);
  assert.equal(inbox.take(), undefined);
});

test("Inbox: the end comes after what was sent before it", (context) => {
  const { inbox, sender } = open(context);
  inbox.push(run(1));
  sender.postMessage({ kind: "close" }, []);
  assert.ok(typeof inbox.take() === "object");
  assert.equal(inbox.take(), "close");
});

test("Inbox: who is alone does not wait", (context) => {
  const { inbox, asked } = open(context);
  inbox.gather(1, 1000);
  assert.equal(asked(), 0);
});

test("Inbox: waits for those who were answered while others wait, no longer than a part of the last commit", (context) => {
  const { inbox, asked } = open(context);
  inbox.push(run(2));
  inbox.gather(2, 8);
  // From the first look at the clock to the last one: 8 ms / 4.
  assert.equal(asked(), 3);
});

test("Inbox: waits no more when as many are there as before, or at the end", (context) => {
  for (const last of [run(3), { kind: "close" } satisfies ToCommitter]) {
    const { inbox, asked } = open(context, (nowMs, sender) => {
      if (nowMs === 2) sender.postMessage(last, []);
    });
    inbox.push(run(2));
    inbox.gather(3, 1000);
    assert.equal(asked(), 2);
  }
});

test("Inbox: who brings many messages at once is not held", (context) => {
  const { inbox, asked } = open(context);
  const bodies = Array.from({ length: 32 }, () => ({ kind: "bytes" as const, bytes: new Uint8Array(1) }));
  inbox.push({ kind: "run", operations: [{ ...OPERATION, bodies }], sentMs: 0 });
  inbox.gather(2, 8);
  assert.equal(asked(), 0);
});
