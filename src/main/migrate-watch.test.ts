// `rookery migrate watch` over more jobs than it lists, on a terminal (of util-linux's script) and beside.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fieldsOf, hostOf, openDoor, PROGRESS, SUCCESS } from "../../test/contracts/migration/doors.ts";
import { cliEnvironment, cliPath, runCli } from "../../test/support/run-cli.ts";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { SqliteDatabase } from "../base/io/sql/sqlite.ts";
import type { MigrationDatabase } from "../migrate/database/open.ts";
import type { MigrationJob } from "../migrate/model.ts";
import { HostRow } from "../migrate/pace/host-row.ts";

const JOBS = 62;
const LEASE_MS = 3_600_000;
const PRE_SYNC = { phase: "PRE_SYNC", priority: false, dryRun: false, notBeforeMs: 0 } as const;

interface Scene {
  readonly door: MigrationDatabase;
  readonly moving: readonly MigrationJob[];
  readonly words: readonly string[];
}

/** 60 jobs that run, one that failed, one that waits for room. */
async function setScene(t: TestContext): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-migrate-watch-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, "storage.key"), "ab".repeat(32), { mode: 0o600 });
  const words = [
    "migrate",
    "watch",
    "--data",
    folder,
    "--set",
    "migrate.storage_key=k1",
    "--set",
    `migrate.storage_keys=k1=${join(folder, "storage.key")}`,
  ];
  const clock = new SimClock();
  clock.advance(Date.now() - clock.nowMs());
  const door = await openDoor(await SqliteDatabase.open(join(folder, "migration.sqlite")), clock);
  t.after(() => door.close());
  await door.backends.addTarget("default");
  await door.sources.add({ name: "CustomerX", apiKey: "key-of-customer-x" });
  await door.sources.addHost(hostOf("host1", JOBS));
  for (let user = 0; user < JOBS; user++) {
    await door.users.submit("CustomerX", `user${user}`, fieldsOf(`user${user}`), PRE_SYNC);
  }
  const queue = door.jobQueue();
  const jobs = await queue.take({ target: "default", name: "w1", version: "1" }, JOBS, LEASE_MS);
  const [failed, full, ...moving] = jobs;
  assert.ok(failed !== undefined && full !== undefined);
  await queue.finish(failed, { ...SUCCESS, status: "FAILED", error: "no such user" });
  await queue.pause(full, LEASE_MS, { ...SUCCESS, status: "FAILED", error: "the target has no room" });
  for (const job of moving) await queue.progress(job, PROGRESS);
  const host = new HostRow(door.sql, { source: "CustomerX", host: "host1" }, () => clock.nowMs());
  await host.backOff("NO [THROTTLED] slow down");
  return { door, moving, words };
}

test("rookery migrate watch: once, for people and as JSON", async (t) => {
  const { words } = await setScene(t);
  const told = await runCli([...words, "--once", "--json"]);
  const json = JSON.parse(told.stdout) as Record<string, unknown>;
  assert.deepEqual(
    ["users", "failed", "runningCount", "messagesDone", "pausedCount"].map((name) => json[name]),
    [JOBS, 1, JOBS - 2, (JOBS - 2) * 3, 1],
  );
  assert.equal((json["running"] as unknown[]).length, 50);
  const { stdout } = await runCli([...words, "--once"]);
  const seen = stdout.split("\n");
  assert.equal(seen[0], `[${" ".repeat(30)}] 1 of 62 users: 0 done, 1 failed, 60 running, 1 queued`);
  assert.equal(seen.filter((line) => line.startsWith("[==========          ")).length, 20);
  for (const line of [
    /^… and 40 more$/m,
    /^Hosts that asked for less:\n {2}CustomerX host1: 1\.0 messages\/s and 16\.0 KiB\/s, paused/m,
    /^Waiting for room at the target \(1\):\n {2}CustomerX user1 until \d{4}-.*: the target/m,
    /^Latest failures:\n {2}CustomerX user0: no such user$/m,
  ]) {
    assert.match(stdout, line);
  }
});

test("rookery migrate watch: a live picture, drawn anew until all have ended", async (t) => {
  try {
    execFileSync("script", ["--version"]);
  } catch {
    t.skip("script (util-linux) is not there");
    return;
  }
  const { door, moving, words } = await setScene(t);
  const program = [process.execPath, cliPath, ...words].map((word) => `'${word}'`).join(" ");
  const child = spawn("script", ["-qefc", `stty cols 120; exec ${program}`, "/dev/null"], {
    env: cliEnvironment({ SHELL: "/bin/sh" }),
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill());
  let shown = "";
  const waiting = new Set<() => void>();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    for (const look of waiting) look();
  });
  const appears = (pattern: RegExp): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!pattern.test(shown)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  await appears(/ 1 of 62 users: 0 done, 1 failed, 60 running, 1 queued/);
  await appears(/Latest failures:\r?\n {2}CustomerX user0: no such user/);
  const queue = door.jobQueue();
  const [first, ...others] = moving;
  assert.ok(first !== undefined);
  await queue.progress(first, { ...PROGRESS, messagesDone: 9 });
  await appears(new RegExp(`\\[={30}\\] ${first.user.sourceUid} PRE_SYNC 9/9 `));
  for (const job of others) await queue.finish(job, SUCCESS);
  // As many have ended as run: the time left is known.
  await appears(/60\/62 users ended, 1 running, 1 queued: .* about \d+\w* left/);
  await queue.finish(first, SUCCESS);
  await door.journal.closeLatest("CustomerX", "user1", "ABORTED");
  const [code] = (await once(child, "exit")) as [number];
  assert.equal(code, 0);
  const pictures = shown.split(/\x1b\[\d+F\x1b\[J/);
  assert.ok(pictures.length > 2);
  assert.match(
    pictures.at(-1) ?? "",
    /^\[={30}\] 62 of 62 users: 60 done, 2 failed, 0 running, 0 queued\r?\n/,
  );
});
