// The queue's SMTP client against servers of other people: nodemailer's smtp-server with STARTTLS and AUTH, and Postfix.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ImapFlow } from "imapflow";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { Secret } from "../../src/base/secret.ts";
import { makeSelfSignedCertificate } from "../../src/main/certificate.ts";
import { SmtpFailure } from "../../src/queue/smtp-failure.ts";
import { type SenderOptions, sendMail } from "../../src/queue/smtp-sender.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startPostfix } from "../support/peers/postfix.ts";
import { startUp } from "../support/running-node.ts";

/** What a transport may spoil: dots at the start of lines, a line that only looks like the end, 8-bit text. */
const BODY = ".\r\n..\r\n.dot\r\n.\r\nGrüße\r\n";
const MAIL = {
  sender: "bob@remote.test",
  recipient: "carol@there.test",
  bytes: Buffer.from(`Subject: Hi\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${BODY}`),
};
const OPTIONS: SenderOptions = {
  network: systemNetwork,
  clock: systemClock,
  ownName: "mail.example.test",
  tls: "required",
  implicitTls: false,
  credentials: undefined,
  timeoutMs: 20_000,
};

interface Taken {
  readonly user: string | undefined;
  readonly secure: boolean;
  readonly text: string;
}

const beforeData = (): Promise<void> => Promise.resolve();

class SmartHost {
  readonly taken: Taken[] = [];
  readonly #server: SMTPServer;
  #port = 0;

  constructor(options: SMTPServerOptions) {
    const { certificatePem, privateKeyPem } = makeSelfSignedCertificate(
      ["127.0.0.1"],
      Date.now(),
      systemRandom.bytes(16),
    );
    this.#server = new SMTPServer({
      cert: certificatePem,
      key: privateKeyPem,
      authMethods: ["PLAIN", "LOGIN"],
      onAuth: ({ username, password }, _session, done) =>
        password === "secret" ? done(null, { user: username }) : done(new Error("wrong password")),
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on("data", (chunk: Buffer) => chunks.push(chunk));
        stream.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          this.taken.push({ user: session.user, secure: session.secure, text });
          done();
        });
      },
      ...options,
    });
    // A refused handshake is what some of these tests want.
    this.#server.on("error", () => undefined);
  }

  async open(t: TestContext): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.#port = (this.#server.server.address() as AddressInfo).port;
    t.after(() => new Promise<void>((resolve) => this.#server.close(() => resolve())));
    return this;
  }

  send(options: Partial<SenderOptions> = {}): Promise<void> {
    return sendMail({ host: "127.0.0.1", port: this.#port }, MAIL, { ...OPTIONS, ...options }, beforeData);
  }
}

const CREDENTIALS = { user: "relay", password: new Secret("secret") };

test(
  "smtp-server takes mail after STARTTLS and AUTH, and over implicit TLS",
  { timeout: 60_000 },
  async (t) => {
    for (const implicitTls of [false, true]) {
      const host = await new SmartHost({ secure: implicitTls }).open(t);
      await host.send({ credentials: CREDENTIALS, implicitTls });
      assert.deepEqual(host.taken, [{ user: "relay", secure: true, text: MAIL.bytes.toString() }]);
    }
  },
);

test(
  "A wrong password at the smart host is a temporary failure: RFC 4954 §4",
  { timeout: 60_000 },
  async (t) => {
    const host = await new SmartHost({}).open(t);
    await assert.rejects(
      host.send({ credentials: { user: "relay", password: new Secret("wrong") } }),
      (error) =>
        error instanceof SmtpFailure &&
        error.temporary &&
        error.message.startsWith("4.7.8 Cannot authenticate"),
    );
    assert.deepEqual(host.taken, []);
  },
);

test(
  "No password is sent without TLS, no mail without the TLS that is required",
  { timeout: 60_000 },
  async (t) => {
    const host = await new SmartHost({ hideSTARTTLS: true, authOptional: true }).open(t);
    await assert.rejects(host.send(), /4\.7\.5 The host offers no TLS/);
    await assert.rejects(
      host.send({ tls: "opportunistic", credentials: CREDENTIALS }),
      /4\.7\.11 No password without TLS/,
    );
    await host.send({ tls: "opportunistic" });
    assert.deepEqual(
      host.taken.map(({ secure }) => secure),
      [false],
    );
  },
);

test(
  "A certificate that nobody vouches for is refused when TLS is to be verified",
  { timeout: 60_000 },
  async (t) => {
    const host = await new SmartHost({ authOptional: true }).open(t);
    await assert.rejects(
      host.send({ tls: "verified" }),
      (error) => error instanceof SmtpFailure && error.temporary && /4\.7\.5 TLS failed/.test(error.message),
    );
    await host.send({ tls: "required" });
    assert.deepEqual(
      host.taken.map(({ secure }) => secure),
      [true],
    );
  },
);

test(
  "Recipients that are refused for good are told so, others are tried again",
  { timeout: 60_000 },
  async (t) => {
    for (const responseCode of [550, 451]) {
      const refusal = Object.assign(new Error("not here"), { responseCode });
      const host = await new SmartHost({
        authOptional: true,
        onRcptTo: (_address, _session, done) => done(refusal),
      }).open(t);
      await assert.rejects(
        host.send(),
        (error) =>
          error instanceof SmtpFailure &&
          error.code === responseCode &&
          error.temporary === responseCode < 500,
      );
    }
  },
);

test(
  "Postfix takes mail of the queue and brings it back by LMTP unchanged",
  { timeout: 120_000 },
  async (t) => {
    if (!(await peerOrSkip(t, "postfix"))) return;
    const folder = mkdtempSync(join(tmpdir(), "rk-p"));
    const data = mkdtempSync(join(tmpdir(), "rk-"));
    t.after(() => {
      for (const one of [folder, data]) rmSync(one, { recursive: true, force: true });
    });
    const node = await startUp(join(data, "data"), ["--password", "secret"]);
    t.after(() => node.stop());
    const postfix = await startPostfix({ folder, domain: "example.test", lmtpTarget: node.endpoint("lmtp") });
    t.after(() => postfix.stop());
    const hop = { host: "127.0.0.1", port: postfix.ports["smtp"] ?? 0 };
    const mail = { ...MAIL, recipient: "alice@example.test" };
    await sendMail(hop, mail, { ...OPTIONS, tls: "opportunistic" }, beforeData);
    const text = await newest(node.endpoint("imap"), "alice");
    assert.match(text, /^Return-Path: <bob@remote\.test>\r\n/);
    assert.ok(text.endsWith(`\r\n\r\n${BODY}`), text);
  },
);

/** Source of the message from Postfix, as soon as it is there. */
async function newest(endpoint: { host: string; port: number }, user: string): Promise<string> {
  const imap = new ImapFlow({
    ...endpoint,
    secure: false,
    auth: { user, pass: "secret" },
    tls: { rejectUnauthorized: false },
    logger: false,
  });
  await imap.connect();
  try {
    await imap.mailboxOpen("INBOX");
    for (;;) {
      const arrived = new Promise((resolve) => imap.once("exists", resolve));
      const found = await imap.search({ header: { received: "mx.example.test" } }, { uid: true });
      const uid = found === false || found === undefined ? undefined : found.at(-1);
      if (uid !== undefined) {
        const message = await imap.fetchOne(String(uid), { source: true }, { uid: true });
        if (message !== false && message?.source !== undefined) return message.source.toString("utf8");
      }
      // IDLE is broken off by the next command, so that nothing is waited for that came already.
      await Promise.race([arrived, imap.idle()]);
    }
  } finally {
    await imap.logout();
  }
}
