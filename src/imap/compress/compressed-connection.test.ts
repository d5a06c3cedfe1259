import assert from "node:assert/strict";
import { test } from "node:test";
import { randomBytes } from "node:crypto";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import fc from "fast-check";
import { PipeEnd } from "../../../test/support/pipe.ts";
import { CompressedConnection } from "./compressed-connection.ts";

const NO_BOUNDS = { broken: (): void => undefined, inLiteral: (): boolean => true };

/** Both ends compressed; what the second received when the first has ended. */
async function throughBoth(pieces: readonly (Buffer | string)[]): Promise<Buffer> {
  const [near, far] = PipeEnd.pair().map((end) => new CompressedConnection(end, NO_BOUNDS));
  assert.ok(near !== undefined && far !== undefined);
  const received: Buffer[] = [];
  far.onData((chunk) => received.push(chunk));
  const closed = new Promise<void>((resolve) => far.onClose(() => resolve()));
  for (const [index, piece] of pieces.entries()) {
    near.write(piece);
    // Some in one turn, some in the next.
    if (index % 3 === 0) await new Promise(setImmediate);
  }
  near.end("last");
  await closed;
  return Buffer.concat(received);
}

test("CompressedConnection: any writes arrive in order and whole", async () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.string({ maxLength: 50 }),
    fc.integer({ min: 30_000, max: 400_000 }).map((length) => Buffer.alloc(length, "abc")),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 8 }), async (pieces) => {
      const wanted = Buffer.concat([...pieces.map((one) => Buffer.from(one)), Buffer.from("last")]);
      assert.ok((await throughBoth(pieces)).equals(wanted));
    }),
    { numRuns: 40 },
  );
});

test("CompressedConnection: pieces in a row are one DEFLATE stream", async () => {
  const [server, client] = PipeEnd.pair();
  const chunks: Buffer[] = [];
  client.onData((chunk) => chunks.push(chunk));
  const layer = new CompressedConnection(server, NO_BOUNDS);
  for (const text of ["one ", "two ", "three"]) {
    layer.write(text);
    await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  const bytes = inflateRawSync(Buffer.concat(chunks), { finishFlush: constants.Z_SYNC_FLUSH });
  assert.equal(bytes.toString(), "one two three");
});

test("CompressedConnection: any bytes for input end in a reason, never in an exception", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      const [server, client] = PipeEnd.pair();
      const reasons: string[] = [];
      const layer = new CompressedConnection(server, {
        ...NO_BOUNDS,
        broken: (reason) => reasons.push(reason),
      });
      layer.onData(() => undefined);
      const closed = new Promise<void>((resolve) => layer.onClose(() => resolve()));
      client.write(Buffer.from(bytes));
      client.end();
      await closed;
      assert.ok(reasons.length <= 1);
    }),
    { numRuns: 200 },
  );
});

test("CompressedConnection: who pauses after the peer has gone still hears that it has", async () => {
  const [server, client] = PipeEnd.pair();
  const layer = new CompressedConnection(server, NO_BOUNDS);
  let received = 0;
  layer.onData((chunk) => {
    received += chunk.length;
    layer.pause();
  });
  const closed = new Promise<void>((resolve) => layer.onClose(() => resolve()));
  client.write(deflateRawSync(randomBytes(300_000), { finishFlush: constants.Z_SYNC_FLUSH }));
  client.end();
  await closed;
  assert.ok(received < 300_000);
});

test("CompressedConnection: what waits is counted in bytes, also of text that is not ASCII", async () => {
  const [server, client] = PipeEnd.pair();
  client.onData(() => undefined);
  const layer = new CompressedConnection(server, NO_BOUNDS);
  layer.write("€".repeat(1000));
  assert.equal(layer.bufferedBytes, 3000);
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.equal(layer.bufferedBytes, 0);
});
