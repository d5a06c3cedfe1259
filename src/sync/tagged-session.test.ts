import assert from "node:assert/strict";
import { test } from "node:test";
import { openInlineStore } from "../../test/support/inline-store.ts";
import { PipePeer } from "../../test/support/pipe-peer.ts";
import { PipeEnd } from "../../test/support/pipe.ts";
import { silentLog } from "../base/log.ts";
import { TaggedSyncSession } from "./tagged-session.ts";

test(
  "inside IMAP a session that is silent for too long is told so and ended",
  { timeout: 10_000 },
  async (t) => {
    const inline = await openInlineStore();
    t.after(() => inline.close());
    const { store, clock } = inline;
    const [end, client] = PipeEnd.pair();
    const peer = new PipePeer(client);
    const services = { store, clock, log: silentLog, partitions: new Set(["default"]) };
    const settings = { timeoutMs: 60_000, maxOutputBytes: 1_000_000 };
    const session = new TaggedSyncSession(end, services, settings, Buffer.from("S0 SYNCGET USER alice\r\n"));
    end.onClose(() => session.end());
    assert.equal(await peer.line(), "S0 OK success");
    clock.advance(40_000);
    peer.send(Buffer.from("S1 SYNCRESTART\r\n"));
    assert.equal(await peer.line(), "S1 OK Restarting");
    clock.advance(40_000);
    peer.send(Buffer.from("S2 NOOP\r\n"));
    assert.equal(await peer.line(), "S2 OK Completed");
    // The timer looks once in the time.
    clock.advance(120_000);
    assert.equal(await peer.line(), "* BYE silent for too long");
    assert.equal(await peer.line(), undefined);
  },
);
