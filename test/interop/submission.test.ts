// What a mail program does: nodemailer sends through a node, to its own users and to the world.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ImapFlow } from "imapflow";
import { createTransport, type Transporter } from "nodemailer";
import { SMTPServer } from "smtp-server";
import { type RunningNode, startUp } from "../support/running-node.ts";

const folder = mkdtempSync(join(tmpdir(), "rookery-submission-"));
const PASSWORD = "correct horse battery";
let node: RunningNode;

interface Taken {
  readonly recipient: string;
  readonly text: string;
}
/** Mail that left for the rest of the world. */
const taken: Taken[] = [];
let heard: () => void = () => undefined;
const world = new SMTPServer({
  authOptional: true,
  disabledCommands: ["STARTTLS"],
  onData(stream, session, done) {
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      for (const { address } of session.envelope.rcptTo) {
        taken.push({ recipient: address, text: Buffer.concat(chunks).toString() });
      }
      heard();
      done();
    });
  },
});

before(async () => {
  await new Promise<void>((resolve) => world.listen(0, "127.0.0.1", resolve));
  const { port } = world.server.address() as AddressInfo;
  node = await startUp(join(folder, "data"), [
    "--password",
    PASSWORD,
    "--set",
    `queue.smart_host=127.0.0.1:${port}`,
    "--set",
    "queue.tls=never",
    "--set",
    "submission.user_rate=6",
  ]);
});

after(async () => {
  await node.stop();
  await new Promise<void>((resolve) => world.close(resolve));
  rmSync(folder, { recursive: true });
});

test("over STARTTLS: own users and the world get it, Bcc is gone, the sender keeps no trace of others", async () => {
  const transport = connect("submission", "alice", PASSWORD);
  await transport.sendMail({
    from: "Alice <alice@example.test>",
    to: "bob@example.test, carol@elsewhere.test",
    bcc: "dave@elsewhere.test",
    subject: "Submitted",
    text: "Hello\n.\n..dots\n",
  });
  while (taken.length < 2) await new Promise<void>((resolve) => (heard = resolve));
  assert.deepEqual(taken.map(({ recipient }) => recipient).toSorted(), [
    "carol@elsewhere.test",
    "dave@elsewhere.test",
  ]);
  for (const { text } of taken) {
    assert.match(text, /^Received: from .*\r\n\tby .* \(Rookery\) with ESMTPSA/);
    assert.doesNotMatch(text, /^bcc:/im);
  }
  const inside = await waitForMail("bob", "Submitted");
  assert.match(inside, /\r\n\.\r\n\.\.dots\r\n/);
});

test("over implicit TLS", async () => {
  await connect("submissions", "bob", PASSWORD).sendMail({
    from: "bob@example.test",
    to: "alice@example.test",
    subject: "Over TLS",
    text: "Hello",
  });
  assert.match(await waitForMail("alice", "Over TLS"), /Hello/);
});

test("senders that are not the user's, unknown recipients, wrong passwords and too many are refused", async () => {
  const transport = connect("submission", "alice", PASSWORD);
  const mail = { from: "alice@example.test", to: "bob@example.test", subject: "x", text: "x" };
  await refused(transport.sendMail({ ...mail, from: "bob@example.test" }), 553);
  await refused(
    transport.sendMail({
      ...mail,
      from: "bob@example.test",
      envelope: { from: "alice@example.test", to: mail.to },
    }),
    553,
  );
  await refused(transport.sendMail({ ...mail, to: "nobody@example.test" }), 550);
  await refused(connect("submission", "alice", "wrong").sendMail(mail), 535);
  // 3 of 6 recipients an hour were used above.
  await refused(
    transport.sendMail({ ...mail, to: ["a", "b", "c", "d"].map((name) => `${name}@elsewhere.test`) }),
    450,
  );
});

test("no password is taken in the clear", async () => {
  const { host, port } = node.endpoint("submission");
  const transport = createTransport({
    host,
    port,
    ignoreTLS: true,
    auth: { user: "alice", pass: PASSWORD },
  });
  await assert.rejects(transport.sendMail({ from: "alice@example.test", to: "bob@example.test", text: "x" }));
});

function connect(service: string, user: string, pass: string): Transporter {
  const { host, port, tls } = node.endpoint(service);
  return createTransport({
    host,
    port,
    secure: tls,
    requireTLS: !tls,
    tls: { rejectUnauthorized: false },
    auth: { user, pass },
  });
}

async function refused(sending: Promise<unknown>, code: number): Promise<void> {
  await assert.rejects(sending, (error: Error & { responseCode?: number }) => {
    assert.equal(error.responseCode, code, error.message);
    assert.doesNotMatch(error.message, /\d\.\d+\.\d+ \d\.\d+\.\d+ /, "one enhanced status code");
    return true;
  });
}

async function waitForMail(user: string, subject: string): Promise<string> {
  const { host, port } = node.endpoint("imaps");
  const client = new ImapFlow({
    host,
    port,
    secure: true,
    tls: { rejectUnauthorized: false },
    auth: { user, pass: PASSWORD },
    logger: false,
  });
  await client.connect();
  try {
    await client.mailboxOpen("INBOX");
    for (;;) {
      const arrived = new Promise((resolve) => client.once("exists", resolve));
      const found = await client.search({ subject }, { uid: true });
      const uid = found === false || found === undefined ? undefined : found.at(-1);
      if (uid !== undefined) {
        const message = await client.fetchOne(String(uid), { source: true }, { uid: true });
        if (message !== false && message?.source !== undefined) return message.source.toString();
      }
      // IDLE is broken off by the next command, so that nothing is waited for that came already.
      await Promise.race([arrived, client.idle()]);
    }
  } finally {
    client.close();
  }
}
