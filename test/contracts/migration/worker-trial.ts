/**
 * Workers that die, are cut off, come back and go on talking, beside customers who submit and close: whatever happens, no
 * job is held by two, no host has more than its connections, every migration ends once and no user is lost (S4.22, S4.41).
 */
import assert from "node:assert/strict";
import type { MigrationDatabase } from "../../../src/migrate/database/open.ts";
import type { SqlJobQueue } from "../../../src/migrate/database/sql-job-queue.ts";
import { MigrateError } from "../../../src/migrate/errors.ts";
import type { MigrationJob } from "../../../src/migrate/model.ts";
import { SqlError } from "../../../src/base/io/sql/port.ts";
import type { SimClock } from "../../sim/sim-clock.ts";
import { SimRandom } from "../../sim/sim-random.ts";
import { hostOf, LEASE_MS, SUCCESS } from "./doors.ts";

export interface TrialOptions {
  readonly doors: readonly MigrationDatabase[];
  readonly clock: SimClock;
  readonly seed: number;
  readonly users: number;
  readonly steps: number;
  /** Cuts every connection to the database, as its restart does. */
  readonly disconnect?: () => Promise<void>;
}

interface TrialWorker {
  readonly name: string;
  readonly queue: SqlJobQueue;
  held: MigrationJob[];
  /** Jobs of an earlier life, about which it still talks. */
  ghosts: MigrationJob[];
}

const CONNECTIONS = 5;
const MAX_DRAIN_ROUNDS = 500;

export async function runWorkerTrial(options: TrialOptions): Promise<void> {
  const { doors, clock, seed, users, steps, disconnect } = options;
  const random = new SimRandom(seed);
  const [first] = doors;
  assert.ok(first !== undefined);
  await first.backends.addTarget("default");
  await first.sources.add({ name: "X", apiKey: "key-of-customer" });
  const hosts = ["host1", "host2"];
  for (const host of hosts) await first.sources.addHost(hostOf(host, CONNECTIONS, "X"));
  const workers = Array.from({ length: 6 }, (_, at): TrialWorker => {
    const door = doors[at % doors.length] ?? first;
    return { name: `w${at}`, queue: door.jobQueue(), held: [], ghosts: [] };
  });
  const finished = new Map<number, string>();
  const pick = <T>(list: readonly T[]): T | undefined => list[random.below(Math.max(1, list.length))];

  const submit = async (): Promise<void> => {
    const uid = `user${random.below(users)}`;
    const fields = { targetUid: uid, target: "default", sourceHost: pick(hosts) ?? "host1" };
    const migration = {
      phase: "PRE_SYNC",
      priority: random.below(4) === 0,
      dryRun: false,
      notBeforeMs: 0,
    } as const;
    await (pick(doors) ?? first).users.submit("X", uid, fields, migration);
  };
  const act = async (worker: TrialWorker): Promise<void> => {
    const { queue, name } = worker;
    const job = pick(worker.held);
    switch (random.below(8)) {
      case 0:
      case 1:
        worker.held.push(...(await queue.take({ target: "default", name, version: "1" }, 3, LEASE_MS)));
        return;
      case 2: {
        const still = await queue.renew(worker.held, LEASE_MS);
        worker.held = worker.held.filter(({ id }) => still.has(id));
        return;
      }
      case 3:
      case 4:
        if (job === undefined) return;
        worker.held = worker.held.filter((one) => one !== job);
        if (await queue.finish(job, SUCCESS)) end(job, `${name} finished`);
        return;
      case 5:
        if (job === undefined) return;
        worker.held = worker.held.filter((one) => one !== job);
        await queue.giveBack(job, 0);
        return;
      case 6:
        // Dies, and comes back as somebody who does not know that.
        worker.ghosts.push(...worker.held.splice(0));
        return;
      default:
        for (const ghost of worker.ghosts.splice(0)) {
          if (await queue.finish(ghost, SUCCESS)) end(ghost, `${name}'s ghost finished`);
        }
    }
  };
  const end = ({ id }: MigrationJob, how: string): void => {
    assert.equal(finished.get(id), undefined, `job ${id} ends twice: ${finished.get(id)}, then ${how}`);
    finished.set(id, how);
  };
  /** Refusals and a database that is away are part of the trial. */
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      const isExpected =
        (error instanceof MigrateError && error.code === "conflict") ||
        (disconnect !== undefined && error instanceof SqlError && error.code === "unavailable");
      if (!isExpected) throw error;
    }
  };
  const check = async (): Promise<void> => {
    const running = await first.sql.query(
      "SELECT source_host, count(*) AS n FROM migrate_journal WHERE status = 'SYNC' GROUP BY source_host",
    );
    for (const { source_host: host, n } of running) {
      assert.ok(Number(n) <= CONNECTIONS, `${String(host)} has ${String(n)} migrations`);
    }
  };

  for (let step = 0; step < steps; step++) {
    // Several at once, so that their statements meet in the database.
    await Promise.all([
      attempt(submit),
      ...workers.filter(() => random.below(2) === 0).map((worker) => attempt(() => act(worker))),
    ]);
    if (random.below(10) === 0) clock.advance(LEASE_MS / 2);
    if (random.below(20) === 0) {
      const uid = `user${random.below(users)}`;
      await attempt(() => first.journal.closeLatest("X", uid, "ABORTED").catch(ignoreNotFound));
    }
    if (disconnect !== undefined && random.below(15) === 0) await disconnect();
    await attempt(check);
  }

  // Everybody dies; one worker is left and ends what there is: no user was lost.
  clock.advance(LEASE_MS * 2);
  const last = first.jobQueue();
  for (let round = 0; ; round++) {
    assert.ok(round < MAX_DRAIN_ROUNDS, "jobs are left");
    const jobs = await again(() =>
      last.take({ target: "default", name: "last", version: "1" }, 50, LEASE_MS),
    );
    if (jobs.length === 0) break;
    for (const job of jobs) if (await again(() => last.finish(job, SUCCESS))) end(job, "last finished");
  }
  const left = await first.journal.counts();
  assert.deepEqual(
    left.filter(({ status }) => status === "READY" || status === "SYNC"),
    [],
  );
}

/** A session that was cut before is noticed with its next use. */
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt === 10 || !(error instanceof SqlError && error.code === "unavailable")) throw error;
    }
  }
}

function ignoreNotFound(error: unknown): void {
  if (!(error instanceof MigrateError && error.code === "not_found")) throw error;
}
