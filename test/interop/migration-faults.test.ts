/**
 * Workers, schedulers and the target are killed, the source is stopped and the database's connections are cut while users
 * are moved: in the end every message is at the target once, no user is lost, and the source is as it was.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { SqlError } from "../../src/base/io/sql/port.ts";
import { PostgresDatabase } from "../../src/base/io/sql/postgres.ts";
import { silentLog } from "../../src/base/log.ts";
import { type MigrationDatabase, openMigrationDatabase } from "../../src/migrate/database/open.ts";
import { StorageKeys } from "../../src/migrate/secrets.ts";
import { hostOf } from "../contracts/migration/doors.ts";
import { SimRandom } from "../sim/sim-random.ts";
import { logIn } from "../support/imap-peer.ts";
import { messagesOf, pictureOf } from "../support/mail-picture.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { Postgres, postgresMissing } from "../support/postgres.ts";
import { runCli } from "../support/run-cli.ts";
import { type RunningNode, startServe } from "../support/running-node.ts";

const LONG = process.env["ROOKERY_LONG"] === "1";
const FAULTS = LONG ? 50 : 6;
const USERS = Array.from({ length: LONG ? 20 : 6 }, (_, at) => `user${at}`);
const MESSAGES = LONG ? 200 : 60;
/** Slow enough that faults meet jobs that run. */
const MESSAGES_PER_SECOND = 40;
const SEED = 7;
const VICTIMS = ["worker1", "worker2", "scheduler1", "connections", "source", "target"];
const TIMEOUT_MS = LONG ? 3_600_000 : 240_000;
const FINAL_ATTEMPTS = LONG ? 6000 : 900;
const KEY = Buffer.alloc(32, 5);

test(
  "migrate: killed workers, schedulers and target, stopped source, cut connections: nothing is lost or doubled",
  { timeout: TIMEOUT_MS },
  async (t) => {
    const missing = postgresMissing();
    if (missing !== undefined) return t.skip(missing);
    if (!(await peerOrSkip(t, "dovecot"))) return undefined;
    const folder = mkdtempSync(join(tmpdir(), "rk-f"));
    const sourceFolder = mkdtempSync(join(tmpdir(), "rk-d"));
    const server = await Postgres.start();
    const source = await startDovecot({
      folder: sourceFolder,
      users: Object.fromEntries(USERS.map((user) => [user, `of-${user}`])),
    });
    const nodes = new Map<string, RunningNode>();
    t.after(async () => {
      for (const node of nodes.values()) await node.stop();
      await source.stop();
      await server.stop();
      for (const path of [folder, sourceFolder]) rmSync(path, { recursive: true, force: true });
    });
    const endpoint = { host: source.host, port: source.ports["imap"] ?? 0 };
    for (const user of USERS) {
      const client = await logIn(endpoint, user, `of-${user}`);
      await client.ok("CREATE Projects");
      const numbers = Array.from({ length: MESSAGES }, (_, number) => number);
      for (const [folder, isThere] of [
        ["Projects", (number: number) => number % 3 === 0],
        ["INBOX", (number: number) => number % 3 !== 0],
      ] as const) {
        const mail = numbers.filter(isThere).map((number) => ({
          flags: "",
          message: Buffer.from(`Subject: ${user} ${number}\r\n\r\nBody ${number}\r\n`),
        }));
        await client.appendAll(folder, mail);
      }
      await client.close();
    }
    const before = await Promise.all(USERS.map((user) => picture(endpoint, user, `of-${user}`)));
    assert.equal(Object.values(before[0] ?? {}).flat().length, MESSAGES);

    const url = await server.createDatabase();
    const startTarget = (port: number): Promise<RunningNode> =>
      startServe(join(folder, "target"), [
        "node.roles=store",
        `listen.imap=127.0.0.1:${port}`,
        "directory.allowplaintext=yes",
      ]);
    const target = await startTarget(0);
    nodes.set("target", target);
    const lines = ["mover", ...USERS].map((user) => `${user},new-${user},${user === "mover" ? "yes" : "no"}`);
    const added = await runCli(["user", "add", "--file", "-", "--data", join(folder, "target")], {
      input: ["name,password,proxy", ...lines].join("\n"),
    });
    assert.equal(added.exitCode, 0, added.stdout + added.stderr);
    const targetEndpoint = target.endpoint("imap");
    writeFileSync(join(folder, "key"), KEY, { mode: 0o600 });
    const common = [
      `migrate.database=${url}`,
      "migrate.storage_key=k1",
      `migrate.storage_keys=k1=${join(folder, "key")}`,
    ];
    const start = async (name: string): Promise<void> => {
      if (name === "target") {
        nodes.set(name, await startTarget(targetEndpoint.port));
        return;
      }
      const role = name.startsWith("scheduler")
        ? ["node.roles=scheduler", "listen.scheduler=127.0.0.1:0"]
        : [
            "node.roles=worker",
            `migrateworker.name=${name}`,
            "migrateworker.lease=2s",
            "migrateworker.threads=2",
            `migrateworker.target_imap=${targetEndpoint.host}:${targetEndpoint.port}`,
            "migrateworker.target_tls=off",
            "migrateworker.target_master_user=mover",
            "migrateworker.target_master_password=new-mover",
          ];
      nodes.set(name, await startServe(join(folder, name), [...common, ...role]));
    };
    // All have started or failed before anything is stopped.
    const starts = await Promise.allSettled(["scheduler1", "worker1", "worker2"].map(start));
    for (const started of starts) if (started.status === "rejected") throw started.reason;

    const migration = await openDoor(url);
    await migration.sources.add({ name: "Old", apiKey: "key-of-old" });
    await migration.sources.addHost({
      ...hostOf(endpoint.host, 3, "Old"),
      maxMessagesPerSecond: MESSAGES_PER_SECOND,
    });
    for (const user of USERS) await submit(migration, user, endpoint);

    const random = new SimRandom(SEED);
    let round: string[] = [];
    for (let fault = 0; fault < FAULTS; fault++) {
      await pause(500 + random.below(1500));
      if (round.length === 0) round = [...VICTIMS];
      const [victim = ""] = round.splice(random.below(round.length), 1);
      if (victim === "connections") await server.disconnectAll(url);
      else if (victim === "source") {
        await source.stop();
        await source.start();
      } else {
        const { child } = nodes.get(victim) ?? {};
        const gone = new Promise((resolve) => child?.once("exit", resolve));
        child?.kill("SIGKILL");
        await gone;
        await start(victim);
      }
    }

    for (const user of USERS) {
      for (let attempt = 0; ; attempt++) {
        assert.ok(attempt < FINAL_ATTEMPTS, `the migration of ${user} does not end`);
        const record = await again(() => migration.journal.findLatest("Old", user));
        if (record?.status === "SUCCESS") break;
        // A fault may have ended a run, such as a source that is away too long; the next goes on from there.
        if (record?.status === "FAILED") await again(() => submit(migration, user, endpoint));
        await pause(100);
      }
    }
    await migration.close();
    const expected = await Promise.all(USERS.map((user) => picture(endpoint, user, `of-${user}`)));
    assert.deepEqual(expected, before);
    for (const [at, user] of USERS.entries()) {
      assert.deepEqual(await picture(targetEndpoint, user, `new-${user}`), expected[at], user);
    }
    return undefined;
  },
);

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

async function picture(endpoint: Endpoint, user: string, password: string) {
  return messagesOf(await pictureOf({ endpoint, user, password }));
}

async function openDoor(url: string): Promise<MigrationDatabase> {
  const sql = await PostgresDatabase.open({
    url,
    maxConnections: 3,
    clock: systemClock,
    random: systemRandom,
  });
  const keys = new StorageKeys({ alias: "k1", keys: new Map([["k1", KEY]]), random: systemRandom });
  return openMigrationDatabase({ sql, keys, clock: systemClock, random: systemRandom, log: silentLog });
}

function submit(migration: MigrationDatabase, user: string, { host, port }: Endpoint): Promise<void> {
  return migration.users.submit(
    "Old",
    user,
    {
      targetUid: user,
      target: "default",
      sourceHost: host,
      sourcePort: port,
      password: `of-${user}`,
      useImapcSsl: false,
    },
    { phase: "PRE_SYNC", priority: false, dryRun: false, notBeforeMs: 0 },
  );
}

async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 10 || !(error instanceof SqlError && error.code === "unavailable")) throw error;
    }
  }
}
