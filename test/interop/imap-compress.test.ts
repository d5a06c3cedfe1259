// COMPRESS=DEFLATE on the wire: RFC 4978.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { constants, deflateRawSync } from "node:zlib";
import { CompressedConnection } from "../../src/imap/compress/compressed-connection.ts";
import { ImapListener } from "../support/imap-listener.ts";
import type { WirePeer } from "../support/wire-peer.ts";

const NO_BOUNDS = { broken: (): void => undefined, inLiteral: (): boolean => true };
const last = (lines: readonly string[]): string => lines.at(-1) ?? "<end>";

async function compressed(context: TestContext): Promise<{ listener: ImapListener; peer: WirePeer }> {
  const listener = await ImapListener.open(context);
  const peer = await listener.login();
  assert.match(last(await peer.command("CAPABILITY")), / OK /);
  assert.match(last(await peer.command("COMPRESS DEFLATE")), / OK /);
  peer.attach(new CompressedConnection(peer.connection, NO_BOUNDS));
  return { listener, peer };
}

test(
  "COMPRESS: commands, messages and long answers go through unchanged",
  { timeout: 30_000 },
  async (context) => {
    const { listener, peer } = await compressed(context);
    const bodies = [
      Buffer.alloc(900_000),
      randomBytes(900_000),
      Buffer.from("Subject: short\r\n\r\nhello\r\n"),
    ];
    for (const body of bodies) {
      peer.send(
        Buffer.concat([Buffer.from(`a APPEND INBOX ~{${body.length}+}\r\n`), body, Buffer.from("\r\n")]),
      );
      assert.match(last(await peer.until("a ")), /^a OK/);
    }
    await peer.command("SELECT INBOX");
    for (const [index, body] of bodies.entries()) {
      const text = (await peer.command(`FETCH ${index + 1} BODY.PEEK[]`)).join("\r\n");
      assert.ok(
        text.includes(`BODY[] {${body.length}}\r\n${body.toString("latin1")})`),
        `message ${index + 1}`,
      );
    }
    assert.doesNotMatch((await peer.command("CAPABILITY"))[0] ?? "", /COMPRESS/);
    assert.match(last(await peer.command("COMPRESS DEFLATE")), / NO \[COMPRESSIONACTIVE\]/);
    assert.match((await peer.command("LOGOUT"))[0] ?? "", /^\* BYE/);
    assert.deepEqual(await peer.rest(), []);
    assert.deepEqual(listener.failures, []);
  },
);

test(
  "COMPRESS: a client may send on in the same segment as the command",
  { timeout: 30_000 },
  async (context) => {
    const listener = await ImapListener.open(context);
    const peer = await listener.login();
    const compressedPart = deflateRawSync("b NOOP\r\nc NOOP\r\n", { finishFlush: constants.Z_SYNC_FLUSH });
    peer.send(Buffer.concat([Buffer.from("a COMPRESS DEFLATE\r\n"), compressedPart]));
    // Its answers may be in the segment of the OK: they are told apart by the line end.
    const raw = peer.connection;
    const chunks: Buffer[] = [];
    const layer = await new Promise<CompressedConnection>((resolve) => {
      raw.onData((chunk) => {
        chunks.push(chunk);
        const bytes = Buffer.concat(chunks);
        const end = bytes.indexOf("\r\n");
        if (end < 0) return;
        assert.match(bytes.toString("latin1", 0, end), /^a OK/);
        const made = new CompressedConnection(raw, NO_BOUNDS);
        resolve(made);
        queueMicrotask(() => made.receive(bytes.subarray(end + 2)));
      });
    });
    peer.attach(layer);
    assert.match(last(await peer.until("c ")), /^c OK/);
  },
);

test("COMPRESS: BYE at the end of the server reaches the client", { timeout: 30_000 }, async (context) => {
  const { listener, peer } = await compressed(context);
  listener.server.close();
  assert.deepEqual(await peer.rest(), ["* BYE Server is shutting down"]);
});

test("COMPRESS: news in IDLE is sent at once", { timeout: 30_000 }, async (context) => {
  const { listener, peer } = await compressed(context);
  await peer.command("SELECT INBOX");
  peer.send("i IDLE\r\n");
  assert.match(last(await peer.until("+ ")), /^\+ /);
  await listener.deliver(Buffer.from("Subject: news\r\n\r\n"));
  assert.equal(last(await peer.until("* 1 EXISTS")), "* 1 EXISTS");
  peer.send("DONE\r\n");
  assert.match(last(await peer.until("i ")), /^i OK/);
});
