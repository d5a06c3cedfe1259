// Hostile lines to the text dialect of replication: an answer or the end, never a crash, never a changed folder of others.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Logs } from "../../src/base/log.ts";
import { TextSession } from "../../src/sync/text/text-session.ts";
import { openInlineStore } from "../support/inline-store.ts";
import { PipePeer } from "../support/pipe-peer.ts";
import { PipeEnd } from "../support/pipe.ts";

const NUM_RUNS = process.env["ROOKERY_LONG"] === "1" ? 3000 : 150;

/** Of the event loop: enough for every command of an input. */
const TURNS = 150;

const word = fc.constantFrom(
  "USER_SOME alice",
  "USER_SOME alice user.alice",
  "SELECT user.alice",
  "SELECT user.bob",
  "STATUS",
  "EXPUNGE",
  "SETFLAGS",
  "RESERVE user.alice",
  "CREATE user.alice.x",
  "CREATE user.bob.x",
  "UPLOAD",
  "SETSEEN alice",
  "ENDUSER",
  " 1",
  " 0",
  " 4294967296",
  " 99999999999999999999",
  " (\\Seen x)",
  " ((",
  ' "',
  " aaf4c61ddcc5e8a2dabede0f",
  " 000000000000000000000000",
  " COPY",
  " {3+}\r\nabc",
  " {999999999999}\r\n",
  " %{default 0 5}\r\n",
  "\r\n",
  "\r\n",
  "\n",
);
const input = fc.array(fc.oneof({ weight: 6, arbitrary: word }, fc.string({ maxLength: 8 })), {
  maxLength: 25,
});

test("text dialect: hostile input gets an answer and harms nobody else", { timeout: 280_000 }, async () => {
  const inline = await openInlineStore();
  const failures: string[] = [];
  const log = new Logs({
    level: "error",
    format: "json",
    destination: (line) => failures.push(line),
  }).named("text");
  const { store, clock } = inline;
  for (const name of ["user.alice", "user.bob"]) await store.create(name, {});
  const before = store.mailboxes.get("user.bob");
  try {
    await fc.assert(
      fc.asyncProperty(input, fc.nat(30), async (pieces, cut) => {
        const [end, client] = PipeEnd.pair();
        const peer = new PipePeer(client);
        const session = new TextSession(end, { store, clock, log, partitions: new Set(["default"]) });
        const bytes = Buffer.from(`${pieces.join("")}\r\n`);
        client.write(bytes.subarray(0, cut));
        client.write(bytes.subarray(cut));
        for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
        // Whatever was left open is closed by the end of the input.
        session.shutDown();
        while ((await peer.line()) !== undefined);
        client.destroy();
        assert.deepEqual(failures, []);
      }),
      { numRuns: NUM_RUNS, seed: 5 },
    );
    assert.deepEqual(store.mailboxes.get("user.bob"), before);
    assert.equal(store.mailboxes.find("user.bob.x"), undefined);
  } finally {
    await inline.close();
  }
});
