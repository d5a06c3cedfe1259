// nodemailer's LMTP client against Rookery's server: STARTTLS, one reply for each recipient.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createTransport } from "nodemailer";
import { startUp } from "../support/running-node.ts";

test("nodemailer delivers through LMTP", { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rk-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const node = await startUp(join(folder, "data"), ["--password", "secret"]);
  t.after(() => node.stop());
  const { host, port } = node.endpoint("lmtp");
  const transport = createTransport({
    host,
    port,
    lmtp: true,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
  });
  const info = await transport.sendMail({
    envelope: { from: "carol@elsewhere.test", to: ["alice@example.test", "nobody@example.test", "bob"] },
    raw: "Subject: nodemailer\r\nMessage-ID: <nodemailer@elsewhere.test>\r\n\r\n.\r\nbody\r\n",
  });
  transport.close();
  assert.deepEqual(info.accepted, ["alice@example.test", "bob"]);
  assert.deepEqual(info.rejected, ["nobody@example.test"]);
});
