import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { SmtpSink } from "../../test/support/smtp-sink.ts";
import { writeHere } from "../../test/support/write-here.ts";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { systemRandom } from "../base/io/random.ts";
import type { MailExchanger } from "../base/io/resolver.ts";
import { openSqlite } from "../base/io/sqlite.ts";
import { silentLog } from "../base/log.ts";
import { Metrics } from "../base/metrics.ts";
import type { QueuedMail } from "./mail.ts";
import { queueMetrics } from "./metrics.ts";
import type { QueueSettings } from "./options.ts";
import { QUEUE_FILE, QueueDatabase } from "./queue-database.ts";
import { Queue } from "./queue.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SETTINGS: QueueSettings = {
  route: "smart_host",
  smartHost: { host: "smart.test", port: 25 },
  implicitTls: false,
  user: undefined,
  password: undefined,
  tls: "opportunistic",
  retryFirstMs: 5 * MINUTE,
  retryMaxMs: 4 * HOUR,
  maxAgeMs: 5 * 24 * HOUR,
  delayNoticeMs: 4 * HOUR,
  maxConnections: 4,
  maxConnectionsPerDestination: 2,
  timeoutMs: 5 * MINUTE,
  maxMessages: 100,
  userRate: 50,
};

const MAIL: QueuedMail = {
  kind: "redirect",
  userId: "alice",
  sender: "bob@remote.test",
  recipient: "carol@there.test",
  bytes: Buffer.from("Subject: Hi\r\nMessage-ID: <1@remote.test>\r\n\r\n.dot\r\n"),
  once: undefined,
};

class World {
  readonly sink = new SmtpSink();
  readonly clock = new SimClock();
  readonly exchangers = new Map<string, readonly MailExchanger[] | Error>();
  readonly folder = mkdtempSync(join(tmpdir(), "rookery-queue-"));
  readonly settings: QueueSettings;
  #open: QueueDatabase[] = [];

  constructor(t: TestContext, settings: Partial<QueueSettings> = {}) {
    this.settings = { ...SETTINGS, ...settings };
    t.after(() => {
      for (const database of this.#open) database.close();
      rmSync(this.folder, { recursive: true });
    });
  }

  /** Another process on the same folder. */
  start(): Queue {
    const database = new QueueDatabase(this.folder);
    this.#open.push(database);
    const queue = new Queue({
      database,
      writer: writeHere(database),
      network: this.sink,
      resolver: {
        mailExchangers: async (domain) => {
          await Promise.resolve();
          const found = this.exchangers.get(domain) ?? [];
          if (found instanceof Error) throw found;
          return found;
        },
      },
      settings: this.settings,
      hostName: "mail.example.test",
      clock: this.clock,
      random: systemRandom,
      log: silentLog,
      metrics: queueMetrics(new Metrics().room("queue"), () => database.count),
    });
    queue.start();
    return queue;
  }

  /** What is on disk stays, nothing else happens there. */
  crash(): void {
    this.#open.at(-1)?.close();
  }

  /** Lets everything happen that needs no time to pass. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 200; turn += 1) {
      this.clock.advance(0);
      await new Promise(setImmediate);
    }
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    await this.settle();
  }
}

test("Queue sends a mail as it is, once", async (t) => {
  const world = new World(t);
  const queue = world.start();
  assert.equal(await queue.submit(MAIL), "queued");
  await world.settle();
  assert.deepEqual(world.sink.mails, [
    {
      host: "smart.test",
      sender: "bob@remote.test",
      recipient: "carol@there.test",
      text: "Subject: Hi\nMessage-ID: <1@remote.test>\n\n.dot\n",
      tls: false,
    },
  ]);
  assert.equal(queue.count, 0);
  await world.pass(24 * HOUR);
  assert.equal(world.sink.mails.length, 1);
});

test("Queue tries again after growing times", async (t) => {
  const world = new World(t);
  const queue = world.start();
  let attempts = 0;
  world.sink.answer = (command) => {
    if (command !== "RCPT") return undefined;
    attempts += 1;
    return attempts < 4 ? "451 4.2.0 later" : undefined;
  };
  await queue.submit(MAIL);
  await world.settle();
  assert.equal(attempts, 1);
  assert.equal(queue.database.find(1)?.lastError, "451 4.2.0 later");
  await world.pass(4 * MINUTE);
  assert.equal(attempts, 1);
  await world.pass(2 * MINUTE);
  assert.equal(attempts, 2);
  await world.pass(8 * MINUTE);
  assert.equal(attempts, 2);
  await world.pass(4 * MINUTE);
  assert.equal(attempts, 3);
  assert.equal(await queue.retry(undefined), 1);
  await world.settle();
  assert.equal(world.sink.mails.length, 1);
});

test("Queue returns what is refused for good, but never to the null reverse-path", async (t) => {
  const world = new World(t);
  const queue = world.start();
  world.sink.answer = (command, argument) =>
    command === "RCPT" && argument === "carol@there.test" ? "550 5.1.1 nobody here" : undefined;
  await queue.submit(MAIL);
  await queue.submit({ ...MAIL, kind: "vacation", sender: "" });
  await world.settle();
  assert.equal(world.sink.mails.length, 1);
  const [report] = world.sink.mails;
  assert.equal(report?.sender, "");
  assert.equal(report?.recipient, "bob@remote.test");
  for (const line of [
    "Final-Recipient: rfc822; carol@there.test",
    "Action: failed",
    "Status: 5.1.1",
    "Remote-MTA: dns; smart.test",
    "Diagnostic-Code: smtp; 550 5.1.1 nobody here",
    "Message-ID: <1@remote.test>",
    "Auto-Submitted: auto-replied",
  ]) {
    assert.ok(report?.text.includes(`${line}\n`), line);
  }
  assert.match(report?.text ?? "", /multipart\/report; report-type=delivery-status/);
  assert.equal(queue.count, 0);
});

test("Queue tells the sender once that his mail is late, and gives up in the end", async (t) => {
  const world = new World(t, { tls: "never" });
  const queue = world.start();
  world.sink.answer = (command, argument) =>
    command === "RCPT" && argument === "carol@there.test" ? "451 4.2.0 later" : undefined;
  await queue.submit(MAIL);
  await world.settle();
  for (let hour = 0; hour < 24 * 6; hour += 1) await world.pass(HOUR);
  const actions = world.sink.mails.map(({ text }) => /^Action: (\w+)$/m.exec(text)?.[1]);
  assert.deepEqual(actions, ["delayed", "failed"]);
  assert.equal(queue.count, 0);
});

test("Queue leaves a destination alone that does not answer, not the others", async (t) => {
  const world = new World(t, { route: "mx" });
  const queue = world.start();
  world.sink.down.add("there.test");
  for (let count = 0; count < 20; count += 1) await queue.submit(MAIL);
  await queue.submit({ ...MAIL, recipient: "dan@other.test" });
  await world.settle();
  assert.equal(world.sink.mails.length, 1);
  assert.ok(world.sink.connects.filter((host) => host === "there.test").length <= 4);
  world.sink.down.clear();
  await world.pass(30 * MINUTE);
  assert.equal(world.sink.mails.length, 21);
});

test("Queue tries mail exchangers by preference; RFC 7505 domains take none", async (t) => {
  const world = new World(t, { route: "mx" });
  const queue = world.start();
  world.exchangers.set("there.test", [
    { host: "second.test", preference: 20 },
    { host: "first.test", preference: 10 },
  ]);
  world.exchangers.set("null.test", [{ host: "", preference: 0 }]);
  world.exchangers.set("gone.test", Object.assign(new Error("no"), { code: "ENOTFOUND" }));
  world.sink.down.add("first.test");
  await queue.submit(MAIL);
  await queue.submit({ ...MAIL, recipient: "a@null.test", sender: "b@x.test" });
  await queue.submit({ ...MAIL, recipient: "a@gone.test", sender: "c@x.test" });
  await world.settle();
  assert.deepEqual(world.sink.mails.map(({ host, recipient }) => `${host} ${recipient}`).sort(), [
    "second.test carol@there.test",
    "x.test b@x.test",
    "x.test c@x.test",
  ]);
  assert.deepEqual(world.sink.connects.slice(0, 2), ["first.test", "second.test"]);
});

test("Queue goes on after a crash; what may have been handed over is sent once more, what was answered is not", async (t) => {
  const world = new World(t);
  const first = world.start();
  await first.submit({ ...MAIL, recipient: "answered@there.test" });
  await world.settle();
  world.sink.answer = (command) => (command === "data end" ? "" : undefined);
  await first.submit({ ...MAIL, recipient: "unknown@there.test" });
  await world.settle();
  world.crash();
  world.sink.answer = () => undefined;
  const second = world.start();
  assert.match(second.database.find(2)?.lastError ?? "", /may arrive twice/);
  await world.settle();
  assert.deepEqual(
    world.sink.mails.map(({ recipient }) => recipient),
    ["answered@there.test", "unknown@there.test"],
  );
});

test("Queue remembers keys across restarts, for their time", async (t) => {
  const world = new World(t);
  const mail = { ...MAIL, once: { key: "vacation x", seconds: 3600 } };
  const first = world.start();
  assert.equal(await first.submit(mail), "queued");
  assert.equal(await first.submit(mail), "repeated");
  assert.equal(await first.submit({ ...mail, userId: "bob" }), "queued");
  await world.settle();
  world.crash();
  const second = world.start();
  assert.equal(await second.submit(mail), "repeated");
  await world.pass(HOUR + MINUTE);
  assert.equal(await second.submit(mail), "queued");
  await second.remember("alice", "seen", 60);
  assert.equal(second.isRemembered("alice", "seen"), true);
  await world.pass(MINUTE);
  assert.equal(second.isRemembered("alice", "seen"), false);
});

test("Queue bounds what a filter sends, and itself", async (t) => {
  const world = new World(t, { userRate: 2, maxMessages: 3 });
  const queue = world.start();
  world.sink.down.add("smart.test");
  assert.equal(await queue.submit(MAIL), "queued");
  assert.equal(await queue.submit(MAIL), "queued");
  assert.equal(await queue.submit(MAIL), "limited");
  await world.pass(HOUR);
  assert.equal(await queue.submit(MAIL), "queued");
  await assert.rejects(queue.submit(MAIL), /full/);
  assert.equal(await queue.drop(1), true);
  assert.equal(await queue.drop(1), false);
});

test("Queue knows after a restart what users sent in the hour that runs", async (t) => {
  const world = new World(t, { userRate: 2 });
  const first = world.start();
  assert.equal(await first.submit(MAIL), "queued");
  await world.pass(20 * MINUTE);
  assert.equal(await first.submit(MAIL), "queued");
  await world.settle();
  world.crash();

  const second = world.start();
  assert.equal(await second.submit(MAIL), "limited");
  assert.equal(await second.submit({ ...MAIL, userId: "carol" }), "queued");
  assert.equal(await second.submit({ ...MAIL, userId: "" }), "queued");
  // The hour began with the first mail.
  await world.pass(40 * MINUTE);
  assert.equal(await second.submit(MAIL), "queued");
});

test("A queue of version 1 is upgraded with what waits in it", async (t) => {
  const world = new World(t);
  const first = world.start();
  world.sink.down.add("smart.test");
  await first.submit(MAIL);
  await world.settle();
  world.crash();
  const file = openSqlite(join(world.folder, QUEUE_FILE));
  file.exec("DROP TABLE user_rates; PRAGMA user_version = 1");
  file.close();

  world.sink.down.clear();
  const second = world.start();
  await second.submit(MAIL);
  await second.retry(undefined);
  await world.settle();
  assert.equal(world.sink.mails.length, 2);
});

test("Queue uses TLS as the policy says", async (t) => {
  const offered = ["STARTTLS"];
  const secure = new World(t);
  secure.sink.extensions = offered;
  await secure.start().submit(MAIL);
  await secure.settle();
  assert.equal(secure.sink.mails[0]?.tls, true);

  const broken = new World(t);
  broken.sink.extensions = offered;
  broken.sink.tlsBroken = true;
  await broken.start().submit(MAIL);
  await broken.settle();
  assert.equal(broken.sink.mails[0]?.tls, false);

  const required = new World(t, { tls: "required" });
  const queue = required.start();
  await queue.submit(MAIL);
  await required.settle();
  assert.equal(required.sink.mails.length, 0);
  assert.match(queue.database.find(1)?.lastError ?? "", /offers no TLS/);
});

test("Queue sends no bare line ends and no command inside an address", async (t) => {
  const world = new World(t);
  const queue = world.start();
  await queue.submit({ ...MAIL, bytes: Buffer.from("A: 1\n\nx\n.\nMAIL FROM:<evil@x>\r\n") });
  await queue.submit({ ...MAIL, sender: "", recipient: "a@b> NOTIFY=NEVER\r\nRSET" });
  await world.settle();
  assert.equal(world.sink.mails.length, 1);
  assert.equal(world.sink.mails[0]?.text, "A: 1\n\nx\n.\nMAIL FROM:<evil@x>\n");
  assert.ok(!world.sink.commands.includes("RSET"));
});
