/** The migration's database over any SQL engine: submits, leases, fences, limits over all workers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SqlDatabase } from "../../../src/base/io/sql/port.ts";
import type { MigrationDatabase } from "../../../src/migrate/database/open.ts";
import { MigrateError, type MigrateErrorCode } from "../../../src/migrate/errors.ts";
import type { MigrationJob } from "../../../src/migrate/model.ts";
import { SimClock } from "../../sim/sim-clock.ts";
import { playOverview } from "./overviews.ts";
import { playPauses } from "./pauses.ts";
import { playWave } from "./waves.ts";
import { fieldsOf, hostOf, LEASE_MS, openDoor, PROGRESS, SUCCESS } from "./doors.ts";

const worker = (name = "w1", target = "default") => ({ target, name, version: "1" });
const initial = { state: "RUNNING", maxThreads: 4 } as const;
const presync = { phase: "PRE_SYNC", priority: false, dryRun: false, notBeforeMs: 0 } as const;
const refusal = (code: MigrateErrorCode) => (error: unknown) =>
  error instanceof MigrateError && error.code === code;

/** @param makePlace a new database; opens doors to it */
export function migrationContract(makePlace: () => Promise<() => Promise<SqlDatabase>>): void {
  const withMigration =
    (
      work: (
        door: MigrationDatabase,
        clock: SimClock,
        another: () => Promise<MigrationDatabase>,
      ) => Promise<void>,
    ) =>
    async (): Promise<void> => {
      const openSql = await makePlace();
      const clock = new SimClock();
      const doors: MigrationDatabase[] = [];
      const another = async (): Promise<MigrationDatabase> => {
        const door = await openDoor(await openSql(), clock);
        doors.push(door);
        return door;
      };
      const first = await another();
      await first.backends.addTarget("default");
      await first.sources.add({ name: "CustomerX", apiKey: "key-of-customer-x" });
      await addHost(first, "host1", 2);
      try {
        await work(first, clock, another);
      } finally {
        for (const door of doors) await door.close();
      }
    };

  test(
    "a source is found by its key, and names and keys are taken once",
    withMigration(async ({ sources }) => {
      assert.equal(await sources.findByKey("key-of-customer-x"), "CustomerX");
      assert.equal(await sources.findByKey("key-of-customer-y"), undefined);
      await assert.rejects(sources.add({ name: "CustomerX", apiKey: "another-key" }), refusal("conflict"));
      await assert.rejects(sources.add({ name: "Other", apiKey: "key-of-customer-x" }), refusal("conflict"));
      await assert.rejects(sources.add({ name: "a b", apiKey: "another-key" }), refusal("invalid"));
      await sources.set("CustomerX", { apiKey: "another-key" });
      assert.equal(await sources.findByKey("key-of-customer-x"), undefined);
      await assert.rejects(sources.remove("Other"), refusal("not_found"));
    }),
  );

  test(
    "a submit makes the user, later ones need only his name",
    withMigration(async (door) => {
      await submit(door, "anna");
      const record = await door.journal.findLatest("CustomerX", "anna");
      assert.equal(record?.status, "READY");
      await assert.rejects(door.users.submit("CustomerX", "anna", {}, presync), refusal("conflict"));
      await door.journal.closeLatest("CustomerX", "anna", "ABORTED");
      await assert.rejects(door.journal.closeLatest("CustomerX", "anna", "ABORTED"), refusal("conflict"));
      await door.users.submit("CustomerX", "anna", {}, { ...presync, phase: "CUTOVER" });
      assert.equal((await door.journal.findLatest("CustomerX", "anna"))?.phase, "CUTOVER");
      await assert.rejects(door.users.submit("CustomerX", "bert", {}, presync), refusal("invalid"));
      await assert.rejects(
        door.users.submit(
          "CustomerX",
          "bert",
          { targetUid: "bert", target: "nowhere", sourceHost: "host1" },
          presync,
        ),
        refusal("not_found"),
      );
      await assert.rejects(door.users.remove("CustomerX", "anna"), refusal("in_use"));
      await door.journal.closeLatest("CustomerX", "anna", "FAILED");
      await door.users.remove("CustomerX", "anna");
      assert.equal(await door.users.find("CustomerX", "anna"), undefined);
    }),
  );

  test(
    "a wave runs within its window, gives pre-syncs back outside of it, and can be paused",
    withMigration(playWave),
  );

  test(
    "a target uid belongs to one user, whatever the source",
    withMigration(async (door) => {
      await door.sources.add({ name: "CustomerY", apiKey: "key-of-customer-y" });
      await addHost(door, "host1", 1, "CustomerY");
      await submit(door, "anna", {}, "CustomerX");
      await assert.rejects(
        submit(door, "other", { targetUid: "anna" }, "CustomerY"),
        (error) => refusal("conflict")(error) && !/CustomerX/.test(String(error)),
      );
      await submit(door, "bert", {}, "CustomerY");
      await assert.rejects(
        door.users.update("CustomerY", "bert", { targetUid: "anna" }),
        refusal("conflict"),
      );
      await door.users.update("CustomerX", "anna", { targetUid: "anna2" });
      await door.users.update("CustomerY", "bert", { targetUid: "anna" });
    }),
  );

  test(
    "a source with rules gets the target uids that they name, before anybody else's are spoken of",
    withMigration(async (door) => {
      const rules = { targetUids: ["*@y.test", "info"] };
      await door.sources.add({ name: "CustomerY", apiKey: "key-of-customer-y", ...rules });
      assert.deepEqual(await door.sources.get("CustomerY"), { name: "CustomerY", ...rules });
      await addHost(door, "host1", 1, "CustomerY");
      await submit(door, "anna", {}, "CustomerX");
      await assert.rejects(submit(door, "other", { targetUid: "anna" }, "CustomerY"), refusal("not_allowed"));
      assert.equal(await door.users.find("CustomerY", "other"), undefined);
      await submit(door, "bert", { targetUid: "bert@y.test" }, "CustomerY");
      const change = (targetUid: string) => door.users.update("CustomerY", "bert", { targetUid });
      await assert.rejects(change("bert@x.test"), refusal("not_allowed"));
      await change("info");

      // Users keep what they have.
      await door.sources.set("CustomerY", { rules: { targetUids: [] } });
      await door.users.update("CustomerY", "bert", { targetUid: "info", email: "info@y.test" });
      await assert.rejects(change("bert@y.test"), refusal("not_allowed"));
      await door.sources.set("CustomerY", { apiKey: "another-key-of-y" });
      await assert.rejects(change("bert@y.test"), refusal("not_allowed"));
      await door.sources.set("CustomerY", { rules: { targetUids: undefined } });
      await change("bert@x.test");
      assert.deepEqual(
        (await door.sources.list()).map(({ name, targetUids }) => [name, targetUids]),
        [
          ["CustomerX", undefined],
          ["CustomerY", undefined],
        ],
      );
      await assert.rejects(door.sources.set("None", { rules }), refusal("not_found"));
      await assert.rejects(
        door.sources.set("CustomerY", { rules: { targetUids: [""] } }),
        refusal("invalid"),
      );
    }),
  );

  test(
    "many submits of one user at once queue one migration",
    withMigration(async (door) => {
      const outcomes = await Promise.allSettled(Array.from({ length: 12 }, () => submit(door, "anna")));
      assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      for (const outcome of outcomes) {
        if (outcome.status === "rejected")
          assert.ok(refusal("conflict")(outcome.reason), String(outcome.reason));
      }
    }),
  );

  test(
    "jobs come by priority, then age, within the connections of their hosts",
    withMigration(async (door) => {
      await addHost(door, "host2", 1);
      for (const name of ["a1", "a2", "a3"]) await submit(door, name);
      await submit(door, "b1", { sourceHost: "host2" });
      await submit(door, "b2", { sourceHost: "host2" });
      await door.users.submit("CustomerX", "c1", fieldsOf("c1"), { ...presync, priority: true });
      const queue = door.jobQueue();
      assert.deepEqual(await queue.register(worker(), initial), initial);
      assert.deepEqual(uids(await queue.take(worker(), 2, LEASE_MS)), ["c1", "a1"]);
      const [b1, ...none] = await queue.take(worker(), 10, LEASE_MS);
      assert.ok(b1 !== undefined);
      assert.deepEqual([b1.user.sourceUid, none.length], ["b1", 0]);
      assert.equal(await queue.finish(b1, SUCCESS), true);
      assert.deepEqual(uids(await queue.take(worker(), 10, LEASE_MS)), ["b2"]);
      assert.deepEqual(await queue.take(worker("w", "elsewhere"), 10, LEASE_MS), []);
    }),
  );

  test(
    "workers that take at once never exceed a host and never share a job",
    withMigration(async (door, _, another) => {
      await door.sources.setHost({ ...hostOf("host1", 7) });
      await Promise.all(Array.from({ length: 40 }, (_unused, at) => submit(door, `u${at}`)));
      const doors = await Promise.all([another(), another(), another()]);
      const taken = (
        await Promise.all(
          doors.flatMap((one, at) =>
            [0, 1].map((turn) => one.jobQueue().take(worker(`w${at}-${turn}`), 5, LEASE_MS)),
          ),
        )
      ).flat();
      assert.equal(new Set(taken.map(({ id }) => id)).size, taken.length);
      assert.ok(taken.length <= 7, `${taken.length} jobs of a host with 7 connections`);
      const rest = await door.jobQueue().take(worker("last"), 40, LEASE_MS);
      assert.equal(taken.length + rest.length, 7);
    }),
  );

  test(
    "a lost worker's job is given out again and its late words are refused",
    withMigration(async (door, clock) => {
      await submit(door, "anna");
      const queue = door.jobQueue();
      const [old] = await queue.take(worker("old"), 1, LEASE_MS);
      assert.ok(old !== undefined);
      clock.advance(LEASE_MS / 2);
      assert.deepEqual(await queue.renew([old], LEASE_MS), new Set([old.id]));
      clock.advance(LEASE_MS - 1000);
      assert.deepEqual(await queue.take(worker("new"), 1, LEASE_MS), []);
      clock.advance(2000);
      const [again] = await queue.take(worker("new"), 1, LEASE_MS);
      assert.equal(again?.id, old.id);
      assert.ok(again !== undefined && again.fence > old.fence && again.attempt === 2);
      assert.deepEqual(await queue.renew([old], LEASE_MS), new Set());
      assert.equal(await queue.progress(old, PROGRESS), false);
      assert.equal(await door.sql.batch([queue.guard(old)]), undefined);
      assert.deepEqual(await door.sql.batch([queue.guard(again)]), [1]);
      assert.equal(await queue.finish(old, SUCCESS), false);
      assert.equal(await queue.giveBack(old, 0), false);
      assert.equal(await queue.progress(again, PROGRESS), true);
      assert.deepEqual((await door.journal.findLatest("CustomerX", "anna"))?.progress, PROGRESS);
      assert.equal(await queue.finish(again, SUCCESS), true);
      const record = await door.journal.findLatest("CustomerX", "anna");
      assert.deepEqual([record?.status, record?.backend, record?.attempts], ["SUCCESS", "default/new", 2]);
      assert.deepEqual(record?.details, [
        { dsync: { success: true, command: "copy", exitCode: 0, attempts: 1, saved: { INBOX: 2 } } },
      ]);
    }),
  );

  test(
    "a job that takes every worker down with it fails in the end",
    withMigration(async (door, clock) => {
      await submit(door, "anna");
      const queue = door.jobQueue();
      for (let attempt = 0; attempt < 10; attempt++) {
        assert.equal((await queue.take(worker(), 1, LEASE_MS)).length, 1);
        clock.advance(LEASE_MS + 1);
      }
      assert.deepEqual(await queue.take(worker(), 1, LEASE_MS), []);
      const record = await door.journal.findLatest("CustomerX", "anna");
      assert.deepEqual(
        [record?.status, record?.error],
        ["FAILED", "10 workers were lost with this migration"],
      );
    }),
  );

  test(
    "closing frees the connection and stops the worker's writes",
    withMigration(async (door) => {
      await door.sources.setHost(hostOf("host1", 1));
      await submit(door, "anna");
      await submit(door, "bert");
      const queue = door.jobQueue();
      const [anna] = await queue.take(worker(), 5, LEASE_MS);
      assert.ok(anna !== undefined);
      await door.journal.closeLatest("CustomerX", "anna", "ABORTED");
      assert.equal(await queue.finish(anna, SUCCESS), false);
      assert.deepEqual(uids(await queue.take(worker(), 5, LEASE_MS)), ["bert"]);
      assert.equal((await door.journal.findLatest("CustomerX", "anna"))?.status, "ABORTED");
    }),
  );

  test(
    "what is given back waits for its time and is no attempt",
    withMigration(async (door, clock) => {
      await submit(door, "anna");
      const queue = door.jobQueue();
      const [job] = await queue.take(worker(), 1, LEASE_MS);
      assert.ok(job !== undefined);
      assert.equal(await queue.giveBack(job, 5000), true);
      assert.deepEqual(await queue.take(worker(), 1, LEASE_MS), []);
      clock.advance(5001);
      assert.equal((await queue.take(worker(), 1, LEASE_MS))[0]?.attempt, 1);
    }),
  );

  test("what is shown of many jobs counts them all", withMigration(playOverview));

  test("what is paused says why while it waits, and is counted", withMigration(playPauses));

  test(
    "a password reaches the engine, and no table as it is",
    withMigration(async (door) => {
      await submit(door, "anna", { password: "of anna", imapcOptions: ["a=b"], useImapcSsl: true });
      const rows = await door.sql.query("SELECT password, password_key FROM migrate_users");
      assert.equal(rows[0]?.["password_key"], "key1");
      const stored = rows[0]?.["password"];
      assert.ok(Buffer.isBuffer(stored) && !stored.includes("of anna"));
      const [job] = await door.jobQueue().take(worker(), 1, LEASE_MS);
      assert.equal(job?.user.password, "of anna");
      assert.deepEqual([job.user.imapcOptions, job.user.useImapcSsl], [["a=b"], true]);
      await door.users.update("CustomerX", "anna", { password: null, useImapcSsl: null });
      assert.equal((await door.users.find("CustomerX", "anna"))?.password, undefined);
    }),
  );

  test(
    "a password whose key is gone fails the migration with the reason",
    withMigration(async (door) => {
      await submit(door, "anna", { password: "of anna" });
      await door.sql.query("UPDATE migrate_users SET password_key = 'lost'");
      assert.deepEqual(await door.jobQueue().take(worker(), 1, LEASE_MS), []);
      const record = await door.journal.findLatest("CustomerX", "anna");
      assert.equal(record?.status, "FAILED");
      assert.match(record?.error ?? "", /storage key "lost"/);
    }),
  );

  test(
    "orders of a backend stay, and its initial state counts when it starts",
    withMigration(async (door) => {
      const queue = door.jobQueue();
      await queue.register(worker(), initial);
      await door.backends.change("default", "w1", { state: "PAUSED", maxThreads: 9 });
      assert.deepEqual(await queue.heartbeat(worker(), 3), { state: "PAUSED", maxThreads: 9 });
      assert.deepEqual(await queue.register(worker(), initial), { state: "PAUSED", maxThreads: 9 });
      const backend = await door.backends.find("default", "w1");
      assert.deepEqual([backend?.running, backend?.alive, backend?.initialState], [3, true, "RUNNING"]);
      const restarted = door.jobQueue();
      assert.deepEqual(await restarted.register(worker(), initial), { state: "RUNNING", maxThreads: 9 });
      await door.backends.change("default", "w1", { initialState: "STOPPED" });
      assert.equal((await door.jobQueue().register(worker(), initial)).state, "STOPPED");
      await door.backends.remove("default", "w1");
      assert.equal((await queue.heartbeat(worker(), 0)).state, "RUNNING");
      await assert.rejects(door.backends.change("default", "w9", {}), refusal("not_found"));
    }),
  );

  test(
    "lists go on behind an id, counts name source, host, phase and status",
    withMigration(async (door) => {
      for (const name of ["a", "b", "c"]) await submit(door, name);
      await door.journal.closeLatest("CustomerX", "b", "ABORTED");
      const first = await door.journal.list({ source: "CustomerX", after: 0, limit: 2 });
      assert.deepEqual(
        first.map(({ record }) => record.sourceUid),
        ["a", "b"],
      );
      const rest = await door.journal.list({ after: first[1]?.record.id ?? 0, limit: 9 });
      assert.deepEqual(
        rest.map(({ record }) => record.sourceUid),
        ["c"],
      );
      const latest = await door.journal.list({ after: 0, limit: 1, latestFirst: true });
      assert.deepEqual(
        latest.map(({ targetUid }) => targetUid),
        ["c"],
      );
      const common = { source: "CustomerX", sourceHost: "host1", phase: "PRE_SYNC" };
      assert.deepEqual(await door.journal.counts("CustomerX"), [
        { ...common, status: "ABORTED", count: 1 },
        { ...common, status: "READY", count: 2 },
      ]);
      assert.deepEqual(
        (await door.users.list("CustomerX", "a", 5)).map(({ sourceUid }) => sourceUid),
        ["b", "c"],
      );
      await assert.rejects(door.sources.remove("CustomerX"), refusal("in_use"));
      await assert.rejects(door.backends.removeTarget("default"), refusal("in_use"));
    }),
  );
}

function addHost(door: MigrationDatabase, name: string, connections: number, source?: string): Promise<void> {
  return door.sources.addHost(hostOf(name, connections, source));
}

function submit(
  door: MigrationDatabase,
  name: string,
  fields: Parameters<MigrationDatabase["users"]["submit"]>[2] = {},
  source = "CustomerX",
): Promise<void> {
  return door.users.submit(source, name, { ...fieldsOf(name), ...fields }, presync);
}

function uids(jobs: readonly MigrationJob[]): string[] {
  return jobs.map(({ user }) => user.sourceUid);
}
