/**
 * The whole way, through the scheduler's API: users of a Dovecot and of a Cyrus are rehearsed, copied, change their mail,
 * and are cut over with hooks that lock them and switch their route; then both sides are equal. Two fleets do it side by
 * side: one node with SQLite into its own store, and processes over PostgreSQL into a Dovecot.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Verification } from "../../src/migrate/ledger/verification.ts";
import { change, fill, type MailboxPlace } from "../support/living-mailbox.ts";
import { exactly, type MailPicture, messagesOf, pictureOf } from "../support/mail-picture.ts";
import { type Fleet, startManyNodes, startOneNode } from "../support/migration-fleet.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { VMAIL_UID } from "../support/peers/namespace.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { Postgres, postgresMissing } from "../support/postgres.ts";
import type { Record } from "../support/scheduler-api.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const USERS_A_SERVER = LONG ? 25 : 2;
const SIZE = {
  folders: LONG ? 20 : 7,
  messagesAFolder: LONG ? 30 : 5,
};
const BIG_MESSAGE_BYTES = 40_000_000;
const BIG_FOLDER_MESSAGES = LONG ? 100_000 : 1_500;
const TIMEOUT_MS = LONG ? 3_600_000 : 240_000;

interface Person {
  /** Name at the source and at the target. */
  readonly uid: string;
  /** Its source in the migration's database. */
  readonly source: "FromDovecot" | "FromCyrus";
  readonly place: MailboxPlace;
}

test(
  "migrate: rehearsed, copied, changed, cut over: both sides are equal",
  { timeout: TIMEOUT_MS },
  async (t) => {
    const missing = postgresMissing();
    if (missing !== undefined) return t.skip(missing);
    if (!(await peerOrSkip(t, "dovecot")) || !(await peerOrSkip(t, "cyrus"))) return undefined;
    const step = stepsOf(t);
    // What was started last ends first, and a folder goes when nobody uses it any more.
    const endings = new AsyncDisposableStack();
    t.after(() => endings.disposeAsync());
    const people = await startSources(endings);
    step("filled the sources");
    const uids = people.map(({ uid }) => uid);
    const hooks = await startHooks(endings);
    const server = await Postgres.start();
    endings.defer(() => server.stop());
    const one = await startOneNode({ folder: ownFolder(endings), users: uids, commands: hooks.commands });
    endings.defer(() => one.stop());
    const url = await server.createDatabase();
    const many = await startManyNodes(
      { folder: ownFolder(endings), users: uids, commands: hooks.commands },
      url,
    );
    endings.defer(() => many.stop());
    const fleets = [one, many];
    step("started the fleets");

    for (const fleet of fleets) await makeSources(fleet, people);
    const filled = await picturesOf(people);
    assert.equal(filled["dove0"]?.["Big"]?.uids.length, BIG_FOLDER_MESSAGES);
    step("read the sources");

    await t.test("a rehearsal changes neither side", async () => {
      for (const fleet of fleets) {
        await submitAll(fleet, people, { phase: "CUTOVER", dryRun: true });
        for (const person of people) {
          const record = await ended(fleet, person);
          assert.equal(record["status"], "SUCCESS", JSON.stringify(record));
          assert.ok(Number(record["sourceMessageCount"]) >= SIZE.folders * SIZE.messagesAFolder);
          assert.deepEqual(messagesOf(await pictureOf(fleet.targetLogin(person.uid))), {}, person.uid);
        }
      }
      assert.deepEqual(hooks.calls, []);
      assert.deepEqual(await picturesOf(people), filled);
      step("rehearsed");
    });

    await t.test("pre-sync copies everything", async () => {
      for (const fleet of fleets) await submitAll(fleet, people, { phase: "PRE_SYNC" });
      for (const fleet of fleets) await allSucceed(fleet, people);
      step("copied");
      await assertEqual(fleets, people);
      step("compared");
    });

    for (const { place } of people) await change(place);
    step("changed the sources");

    await t.test("a user who cannot be locked is not cut over, and is unlocked", async () => {
      const [person] = people;
      assert.ok(person !== undefined);
      hooks.refuse(person.uid);
      await submitAll(one, [person], { phase: "CUTOVER", priority: true });
      const record = await ended(one, person);
      assert.equal(record["status"], "FAILED");
      assert.match(JSON.stringify(record["details"]), /failure command/);
      assert.deepEqual(hooks.locked(), []);
      hooks.allow(person.uid);
    });

    await t.test("cutover brings what has changed, locks before and switches after", async () => {
      for (const fleet of fleets) await submitAll(fleet, people, { phase: "CUTOVER", priority: true });
      for (const fleet of fleets) await allSucceed(fleet, people);
      step("cut over");
      await assertEqual(fleets, people);
      step("compared");
      const locks = people.map(({ source, uid }) => `${source}-${uid}`).sort();
      assert.deepEqual(hooks.locked(), locks);
      // The first call of each user was answered by 503.
      for (const lock of locks)
        assert.ok((hooks.calls.filter((call) => call === lock).length ?? 0) >= 2, lock);
    });

    await t.test("the ledger names no loss, and a run without changes moves nothing", async () => {
      for (const fleet of fleets) {
        const report = await fleet.cli("migrate", "report", "--all", "--json");
        const lost = (JSON.parse(report.stdout) as Report[]).flatMap(({ verification }) =>
          verification.folders.flatMap(({ source, losses }) =>
            losses.map(({ reason }) => `${source}: ${reason}`),
          ),
        );
        if (fleet === one) assert.deepEqual(lost, []);
        else {
          assert.equal(lost.length, 1);
          assert.match(lost[0] ?? "", /^INBOX: skipped: the target said NO Can't save a zero byte message/);
        }
        await submitAll(fleet, people, { phase: "PRE_SYNC" });
        for (const record of await allSucceed(fleet, people)) {
          assert.deepEqual([record["syncMessageCount"], record["expungedMessageCount"]], [0, 0]);
        }
        assert.doesNotMatch(fleet.log(), /of-(?:dove|cyr)/, "a password is in the log");
      }
      step("reported, and ran again");
    });

    await t.test("a wave that was cut over is taken back", async () => {
      const wave = people.filter(({ source }) => source === "FromDovecot");
      for (const words of [
        ["create", "first", "FromDovecot", "--all", "--window", "00:00-24:00"],
        ["submit", "first", "--phase", "cutover", "--priority"],
      ]) {
        assert.equal((await one.cli("migrate", "plan", ...words)).exitCode, 0, words.join(" "));
      }
      await allSucceed(one, wave);
      assert.equal((await one.cli("migrate", "plan", "rollback", "first")).exitCode, 0);
      await allSucceed(one, wave);
      const stillLocked = hooks.locked().filter((name) => name.startsWith("FromDovecot"));
      assert.deepEqual(stillLocked, []);
    });
    return undefined;
  },
);

/** Says how long each step took. */
function stepsOf(t: TestContext): (done: string) => void {
  let before = performance.now();
  return (done) => {
    const now = performance.now();
    t.diagnostic(`${done}: ${((now - before) / 1000).toFixed(1)} s`);
    before = now;
  };
}

interface Report {
  readonly verification: Verification;
}

async function startSources(endings: AsyncDisposableStack): Promise<readonly Person[]> {
  const names = (prefix: string): string[] =>
    Array.from({ length: USERS_A_SERVER }, (_, at) => `${prefix}${at}`);
  const passwords = (users: readonly string[]) =>
    Object.fromEntries(users.map((user) => [user, `of-${user}`]));
  const dovecotUsers = names("dove");
  const dovecot = await startDovecot({
    folder: ownFolder(endings),
    users: passwords(dovecotUsers),
    format: "maildir",
  });
  endings.defer(() => dovecot.stop());
  const cyrusUsers = names("cyr");
  const cyrus = await startCyrus({
    folder: ownFolder(endings),
    users: { cyrus: "of-cyrus", ...passwords(cyrusUsers) },
    services: ["imap"],
    settings: { virtdomains: "off", altnamespace: "no", unixhierarchysep: "no" },
  });
  endings.defer(() => cyrus.stop());
  await cyrus.create(...cyrusUsers.map((user) => `user.${user}`));
  const endpoint = (peer: typeof dovecot) => ({ host: peer.host, port: peer.ports["imap"] ?? 0 });
  const people: Person[] = [
    ...dovecotUsers.map((uid): Person => ({
      uid,
      source: "FromDovecot",
      place: { endpoint: endpoint(dovecot), user: uid, password: `of-${uid}`, prefix: "", separator: "/" },
    })),
    ...cyrusUsers.map((uid): Person => ({
      uid,
      source: "FromCyrus",
      place: {
        endpoint: endpoint(cyrus),
        user: uid,
        password: `of-${uid}`,
        prefix: "INBOX.",
        separator: ".",
      },
    })),
  ];
  const haveBig = new Set([dovecotUsers[0], cyrusUsers[0]]);
  const fillOne = ({ uid, place }: Person): Promise<void> =>
    fill(place, { ...SIZE, bigMessageBytes: haveBig.has(uid) ? BIG_MESSAGE_BYTES : 0 });
  await Promise.all(people.map(fillOne));
  const mail = join(dovecot.folder, "mail");
  for (const name of ["", "cur", "new", "tmp"]) makeFolder(join(mail, "dove0/.Big", name));
  for (let number = 0; number < BIG_FOLDER_MESSAGES; number++) {
    const name = `${1_700_000_000 + number}.M${number}P1.test:2,S`;
    writeFileSync(join(mail, "dove0/.Big/cur", name), `Subject: ${number}\r\n\r\n${number}\r\n`);
  }
  // Delivered by a program that died; no server takes such a message by APPEND.
  writeFileSync(join(mail, "dove1/cur/1700000000.M1P1.test:2,S"), "");
  return people;
}

function makeFolder(path: string): void {
  mkdirSync(path);
  chownSync(path, VMAIL_UID, VMAIL_UID);
}

interface Hooks {
  readonly commands: string;
  /** Calls that switch a route, in their order. */
  readonly calls: readonly string[];
  locked(): readonly string[];
  refuse(uid: string): void;
  allow(uid: string): void;
}

/** A script that locks users, and a service that switches their route at the second time of asking. */
async function startHooks(endings: AsyncDisposableStack): Promise<Hooks> {
  const folder = ownFolder(endings);
  const locks = join(folder, "locks");
  mkdirSync(locks);
  const script = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return path;
  };
  const lock = script("lock", `touch '${locks}'/"$1-$2"; test ! -e '${folder}'/"refuse-$2"`);
  const unlock = script("unlock", `rm -f '${locks}'/"$1-$2"`);
  const calls: string[] = [];
  const switches: Server = createServer((request, response) => {
    const name = decodeURIComponent(request.url ?? "").replace("/switch/", "");
    const isLocked = existsSync(join(locks, name));
    const isFirst = !calls.includes(name);
    calls.push(name);
    response.writeHead(isLocked ? (isFirst ? 503 : 200) : 409).end();
  });
  await new Promise<void>((resolve) => switches.listen(0, "127.0.0.1", resolve));
  endings.defer(() => void switches.close());
  const address = switches.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const user = ["%{mdb:source}", "%{mdb:ruid}"];
  const url = `http://127.0.0.1:${port}/switch/%{mdb:source}-%{mdb:uid}`;
  const cutover = {
    pre: { name: lock, arguments: user },
    post: { http: { method: "POST", url, attempts: 5, "retry-after-ms": 10 } },
    failure: { name: unlock, arguments: user },
    rollback: { name: unlock, arguments: user },
  };
  const commands = join(folder, "commands.yaml");
  // Cyrus's administrator logs in for all of its users: their passwords are not needed.
  const doveadm = {
    source: { FromCyrus: { imapc: { "master-user": "cyrus", "master-password": "of-cyrus" } } },
  };
  writeFileSync(commands, JSON.stringify({ dmf: { doveadm, worker: { command: { cutover } } } }));
  return {
    commands,
    calls,
    locked: () => readdirSync(locks).sort(),
    refuse: (uid) => writeFileSync(join(folder, `refuse-${uid}`), ""),
    allow: (uid) => rmSync(join(folder, `refuse-${uid}`)),
  };
}

async function makeSources({ api }: Fleet, people: readonly Person[]): Promise<void> {
  for (const name of new Set(people.map(({ source }) => source))) {
    await api.admin("POST", "/sources", { name, apiKey: `key-of-${name}` });
    await api.admin("POST", `/sources/${name}/sourcehosts`, { name: "127.0.0.1", maxConnections: 3 });
  }
}

async function submitAll({ api }: Fleet, people: readonly Person[], migration: object): Promise<void> {
  for (const { uid, source, place } of people) {
    await api.customer(`key-of-${source}`, "POST", "/migrations", {
      sourceUid: uid,
      targetUid: uid,
      target: "default",
      sourcehost: place.endpoint.host,
      sourceport: place.endpoint.port,
      ...(source === "FromDovecot" && { password: place.password }),
      useImapcSsl: false,
      ...migration,
    });
  }
}

function ended({ api }: Fleet, { uid, source }: Person): Promise<Record> {
  return api.ended(`key-of-${source}`, uid);
}

async function allSucceed(fleet: Fleet, people: readonly Person[]): Promise<readonly Record[]> {
  const records: Record[] = [];
  for (const person of people) {
    const record = await ended(fleet, person);
    assert.equal(record["status"], "SUCCESS", `${fleet.name}: ${person.uid}: ${JSON.stringify(record)}`);
    records.push(record);
  }
  return records;
}

async function assertEqual(fleets: readonly Fleet[], people: readonly Person[]): Promise<void> {
  for (const { uid, place } of people) {
    const source = await pictureOf(place);
    for (const fleet of fleets) {
      // A Dovecot takes no message of zero bytes; Rookery's store takes everything, with its UIDs.
      const view = (picture: MailPicture) =>
        fleet.keepsUids ? exactly(picture) : messagesOf(picture, isNoZeroByte);
      const target = await pictureOf(fleet.targetLogin(uid));
      assert.deepEqual(view(target), view(source), `${fleet.name}: ${uid}`);
      for (const folder of source.keys())
        assert.ok(target.has(folder), `${fleet.name}: ${uid} has no ${folder}`);
    }
  }
}

function isNoZeroByte(message: string): boolean {
  return !message.startsWith(`${createHash("sha1").digest("hex")} `);
}

async function picturesOf(people: readonly Person[]) {
  const pictures: [string, ReturnType<typeof exactly>][] = [];
  for (const { uid, place } of people) pictures.push([uid, exactly(await pictureOf(place))]);
  return Object.fromEntries(pictures);
}

function ownFolder(endings: AsyncDisposableStack): string {
  const folder = mkdtempSync(join(tmpdir(), "rk-e"));
  endings.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
