// The queue with `queue.route: mx`, end to end: exchangers of a resolver that the test makes up, real sockets and TLS, other
// people's servers (nodemailer's smtp-server, Postfix), and the reports that come back (RFC 3464).
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import PostalMime from "postal-mime";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import { systemClock } from "../../src/base/io/clock.ts";
import type { Network } from "../../src/base/io/network.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { silentLog } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { makeSelfSignedCertificate } from "../../src/main/certificate.ts";
import type { QueuedMail } from "../../src/queue/mail.ts";
import { queueMetrics } from "../../src/queue/metrics.ts";
import type { QueueSettings } from "../../src/queue/options.ts";
import { QueueDatabase } from "../../src/queue/queue-database.ts";
import { QueueFile } from "../../src/queue/queue-file.ts";
import { Queue } from "../../src/queue/queue.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startPostfix } from "../support/peers/postfix.ts";
import { startUp } from "../support/running-node.ts";

const SETTINGS: QueueSettings = {
  route: "mx",
  smartHost: { host: "unused.test", port: 25 },
  implicitTls: false,
  user: undefined,
  password: undefined,
  tls: "opportunistic",
  retryFirstMs: 20,
  retryMaxMs: 100,
  maxAgeMs: 600_000,
  delayNoticeMs: 0,
  maxConnections: 4,
  maxConnectionsPerDestination: 2,
  timeoutMs: 20_000,
  maxMessages: 100,
  userRate: 100,
};

const MAIL: QueuedMail = {
  kind: "redirect",
  userId: "alice",
  sender: "bob@sender.test",
  recipient: "carol@there.test",
  bytes: Buffer.from("Subject: Hi\r\nMessage-ID: <1@sender.test>\r\n\r\n.dot\r\nGrüße\r\n"),
  once: undefined,
};

interface Taken {
  readonly to: string;
  readonly from: string;
  readonly secure: boolean;
  readonly serverName: string;
  readonly text: string;
}

/** The world outside: domains with exchangers by preference, exchangers at ports of this machine. */
class World {
  readonly exchangers = new Map<string, readonly string[]>();
  readonly ports = new Map<string, number>();
  readonly tried: string[] = [];
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
  }

  async host(name: string, options: SMTPServerOptions = {}): Promise<{ next(): Promise<Taken> }> {
    const pem = makeSelfSignedCertificate([name], Date.now(), systemRandom.bytes(16));
    const taken: Taken[] = [];
    let arrived = (): void => undefined;
    const server = new SMTPServer({
      cert: pem.certificatePem,
      key: pem.privateKeyPem,
      authOptional: true,
      onData(stream, session, done) {
        stream.toArray().then((chunks: Buffer[]) => {
          const { mailFrom, rcptTo } = session.envelope;
          taken.push({
            from: mailFrom === false ? "" : mailFrom.address,
            to: rcptTo[0]?.address ?? "",
            secure: session.secure,
            serverName: "servername" in session ? String(session.servername) : "",
            text: Buffer.concat(chunks).toString("utf8"),
          });
          done();
          arrived();
        }, done);
      },
      ...options,
    });
    server.on("error", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
    this.ports.set(name, (server.server.address() as AddressInfo).port);
    return {
      async next() {
        while (taken.length === 0) await new Promise<void>((resolve) => (arrived = resolve));
        return taken.shift() ?? assert.fail("nothing was taken");
      },
    };
  }

  queue(settings: Partial<QueueSettings> = {}): Queue {
    const folder = mkdtempSync(join(tmpdir(), "rookery-mx-"));
    const file = new QueueFile(folder, new QueueDatabase(folder));
    const network: Network = {
      listen: (options) => systemNetwork.listen(options),
      connect: (options) => {
        assert.equal(options.port, 25);
        this.tried.push(options.host);
        // Port 1: nobody listens there.
        const port = this.ports.get(options.host) ?? 1;
        return systemNetwork.connect({ ...options, host: "127.0.0.1", port });
      },
    };
    const queue = new Queue({
      database: file.database,
      writer: file.writer,
      network,
      resolver: {
        mailExchangers: (domain) => {
          const hosts = this.exchangers.get(domain);
          if (hosts !== undefined) {
            return Promise.resolve(hosts.map((host, at) => ({ host, preference: 10 * at })));
          }
          return Promise.reject(Object.assign(new Error("no such domain"), { code: "ENOTFOUND" }));
        },
      },
      settings: { ...SETTINGS, ...settings },
      hostName: "mail.example.test",
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: queueMetrics(new Metrics().room("queue"), () => file.writer.count),
    });
    queue.start();
    this.#t.after(async () => {
      await queue.stop(2_000);
      await file.close();
      rmSync(folder, { recursive: true });
    });
    return queue;
  }
}

/** What a report says of its recipient, and the header that it returns. */
async function readReport(text: string): Promise<{ status: string; header: string }> {
  assert.match(text, /^Content-Type: multipart\/report;\s+report-type=delivery-status/im);
  const { attachments } = await PostalMime.parse(text, { attachmentEncoding: "utf8" });
  const part = (type: string): string => {
    const content = attachments.find(({ mimeType }) => mimeType === type)?.content;
    return typeof content === "string" ? content : "";
  };
  return { status: part("message/delivery-status"), header: part("text/rfc822-headers") };
}

const refuse = (responseCode: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode });

test(
  "Mail goes to the first exchanger that answers, with TLS to its name",
  { timeout: 60_000 },
  async (t) => {
    const world = new World(t);
    const second = await world.host("mx2.there.test");
    world.exchangers.set("there.test", ["mx1.there.test", "mx2.there.test", "mx3.there.test"]);
    const queue = world.queue();
    await queue.submit(MAIL);
    assert.deepEqual(await second.next(), {
      from: MAIL.sender,
      to: MAIL.recipient,
      secure: true,
      serverName: "mx2.there.test",
      text: MAIL.bytes.toString(),
    });
    assert.deepEqual(world.tried, ["mx1.there.test", "mx2.there.test"]);
  },
);

test("What is refused for good comes back to its sender as a report", { timeout: 60_000 }, async (t) => {
  const world = new World(t);
  await world.host("mx.there.test", {
    onRcptTo: (_address, _session, done) => done(refuse(550, "5.1.1 No such user here")),
  });
  const home = await world.host("mx.sender.test");
  world.exchangers.set("there.test", ["mx.there.test"]).set("sender.test", ["mx.sender.test"]);
  world.exchangers.set("none.test", [""]);
  const queue = world.queue();
  for (const [recipient, status, diagnostic] of [
    ["carol@there.test", "5.1.1", "smtp; 550 5.1.1 No such user here"],
    ["carol@none.test", "5.1.10", "Domain none.test takes no mail"],
    ["carol@unheard-of.test", "5.1.2", "Domain unheard-of.test does not exist"],
  ] as const) {
    await queue.submit({ ...MAIL, recipient });
    const report = await home.next();
    assert.deepEqual([report.from, report.to], ["", MAIL.sender]);
    const said = await readReport(report.text);
    assert.match(said.status, new RegExp(`^Final-Recipient: rfc822; ?${recipient}\r?$`, "m"));
    assert.match(said.status, /^Action: failed\r?$/m);
    assert.match(said.status, new RegExp(`^Status: ${status.replaceAll(".", "\\.")}\r?$`, "m"));
    assert.ok(said.status.replaceAll(/\r?\n\s+/g, " ").includes(diagnostic), said.status);
    assert.match(said.header, /^Message-ID: <1@sender\.test>/m);
  }
});

test("What is refused for now is tried again, until it is too old", { timeout: 60_000 }, async (t) => {
  const world = new World(t);
  let attempts = 0;
  const there = await world.host("mx.there.test", {
    onRcptTo: ({ address }, _session, done) => {
      attempts += 1;
      const isTaken = address === "carol@there.test" && attempts > 2;
      done(isTaken ? undefined : refuse(451, "4.2.1 Greylisted"));
    },
  });
  const home = await world.host("mx.sender.test");
  world.exchangers.set("there.test", ["mx.there.test"]).set("sender.test", ["mx.sender.test"]);
  await world.queue().submit(MAIL);
  assert.equal((await there.next()).to, "carol@there.test");
  assert.equal(attempts, 3);

  await world.queue({ maxAgeMs: 200 }).submit({ ...MAIL, recipient: "dave@there.test" });
  const said = await readReport((await home.next()).text);
  assert.match(said.status, /^Action: failed\r?$/m);
  assert.match(said.status, /^Status: 4\.2\.1\r?$/m);
  assert.ok(attempts >= 4);
});

test(
  "Postfix as an exchanger takes mail, and refuses what it does not relay",
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
    const postfix = await startPostfix({
      folder,
      domain: "example.test",
      lmtpTarget: node.endpoint("lmtp"),
      settings: { mynetworks: "192.0.2.0/24", smtpd_relay_restrictions: "reject_unauth_destination" },
    });
    t.after(() => postfix.stop());
    const world = new World(t);
    world.ports.set("mx.example.test", postfix.ports["smtp"] ?? 0);
    const home = await world.host("mx.sender.test");
    world.exchangers.set("example.test", ["mx.example.test"]).set("elsewhere.test", ["mx.example.test"]);
    world.exchangers.set("sender.test", ["mx.sender.test"]);
    const queue = world.queue();

    await queue.submit({ ...MAIL, recipient: "alice@example.test" });
    const delivered = /bob@sender\.test.*"event":"delivery"/;
    while (!node.log.some((line) => delivered.test(line))) await pause();
    await queue.submit({ ...MAIL, recipient: "carol@elsewhere.test" });
    const said = await readReport((await home.next()).text);
    assert.match(said.status, /^Status: 5\.7\.1\r?$/m);
    assert.match(said.status.replaceAll(/\r?\n\s+/g, " "), /Relay access denied/);
  },
);

/** Between two looks at the log. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 50));
}
