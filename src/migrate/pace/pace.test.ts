import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { SqliteDatabase } from "../../base/io/sql/sqlite.ts";
import { silentLog } from "../../base/log.ts";
import type { SourceHost } from "../model.ts";
import { learnedHosts } from "./learned.ts";
import { Paces } from "./pace.ts";

const HOST: SourceHost = {
  source: "old",
  name: "imap.example",
  maxConnections: 10,
  migrationCommand1: "",
  migrationCommand2: "",
  statusCommand: "",
  maxMessagesPerSecond: 0,
  maxBytesPerSecond: 0,
};
const never = new AbortController().signal;

interface Workers {
  readonly clock: SimClock;
  readonly database: SqliteDatabase;
  readonly one: Paces;
  readonly other: Paces;
  /** Lets the time go on until `work` is done; how many milliseconds that took. */
  readonly until: (work: Promise<unknown>) => Promise<number>;
}

async function twoWorkers(t: TestContext): Promise<Workers> {
  const database = await SqliteDatabase.open(":memory:");
  t.after(() => database.close());
  const clock = new SimClock();
  const ports = { database, clock, nowMs: () => clock.nowMs(), log: silentLog };
  return {
    clock,
    database,
    one: await Paces.open(ports),
    other: await Paces.open(ports),
    until: async (work) => {
      const startMs = clock.nowMs();
      const state = { isDone: false };
      const done = work.finally(() => {
        state.isDone = true;
      });
      done.catch(() => undefined);
      while (!state.isDone) {
        // The database answers in turns of its own thread: only when it has nothing more to say does time go on.
        await database.query("SELECT 1");
        await turn();
        if (!state.isDone) clock.advance(5);
      }
      await done;
      return clock.nowMs() - startMs;
    },
  };
}

test("pace: the operator's limit holds over two workers together", async (t) => {
  const { one, other, until } = await twoWorkers(t);
  const host = { ...HOST, maxMessagesPerSecond: 100 };
  const paces = [one.of(host, never), other.of(host, never)];
  const elapsedMs = await until(
    Promise.all(
      paces.map(async (pace) => {
        for (let taken = 0; taken < 500; taken += 10) await pace.take(10, 0);
      }),
    ),
  );
  assert.ok(elapsedMs >= 8500, `1,000 messages took ${elapsedMs} ms`);
});

test("pace: bytes are paid too, also by messages larger than a slice", async (t) => {
  const { one, until } = await twoWorkers(t);
  const pace = one.of({ ...HOST, maxBytesPerSecond: 1_000_000 }, never);
  const elapsedMs = await until(
    (async () => {
      await pace.take(1, 3_000_000);
      await pace.take(1, 3_000_000);
      await pace.take(1, 10);
    })(),
  );
  assert.ok(elapsedMs >= 3000, `took ${elapsedMs} ms`);
});

test("pace: without limits nothing waits", async (t) => {
  const { one, until } = await twoWorkers(t);
  const pace = one.of(HOST, never);
  await until(pace.take(1, 1));
  // The clock stands still: whoever waited now would wait for ever.
  for (let taken = 0; taken < 1000; taken++) await pace.take(100, 1_000_000);
});

test("pace: a refusal slows every worker down, quiet speeds them up again step by step", async (t) => {
  const { one, other, until, clock, database } = await twoWorkers(t);
  const pace = one.of(HOST, never);
  // 200 a second for a while, so that there is a rate to halve.
  for (let step = 0; step < 120; step++) {
    await until(pace.take(20, 2000));
    clock.advance(100);
  }
  pace.backOff("NO [THROTTLED] slow down");
  // The second one who hears it does not halve it again.
  other.of(HOST, never).backOff("NO [THROTTLED] slow down");
  const pausedMs = await until(other.of(HOST, never).take(1, 0));
  assert.ok(pausedMs >= 4000, `paused for ${pausedMs} ms`);
  const [learned] = await learnedHosts(database);
  assert.ok(learned !== undefined);
  assert.equal(learned.backoffs, 1);
  assert.match(learned.reason, /THROTTLED/);
  assert.ok(learned.learnedMessages > 50 && learned.learnedMessages < 120, String(learned.learnedMessages));
  const rates: number[] = [];
  for (let minute = 0; minute < 12; minute++) {
    clock.advance(61_000);
    await until(pace.take(1, 1));
    rates.push((await learnedHosts(database))[0]?.learnedMessages ?? -1);
  }
  assert.ok((rates[0] ?? 0) > learned.learnedMessages);
  assert.equal(rates.at(-1), 0, "what was learned is forgotten in the end");
});

test("pace: answers that take longer slow a host down only when it gives out less", async (t) => {
  const { one, until, clock, database } = await twoWorkers(t);
  const pace = one.of(HOST, never);
  const work = async (steps: number, tookMs: number, pauseMs: number): Promise<number> => {
    for (let step = 0; step < steps; step++) {
      await until(pace.take(20, 2000));
      clock.advance(pauseMs);
      pace.answered({ messages: 20, bytes: 2000, tookMs });
    }
    return (await learnedHosts(database))[0]?.backoffs ?? 0;
  };
  assert.equal(await work(300, 80, 100), 0);
  // Twenty connections at once: each waits for the others.
  assert.equal(await work(300, 1600, 100), 0);
  assert.equal(await work(300, 80, 100), 0);
  // The same, and it gives out a tenth.
  assert.ok((await work(40, 1600, 1000)) > 0);
});

test("pace: who waits hears of the stop", async (t) => {
  const { one, until } = await twoWorkers(t);
  const stop = new AbortController();
  const pace = one.of({ ...HOST, maxMessagesPerSecond: 1 }, stop.signal);
  await until(pace.take(1, 0));
  const waiting = pace.take(1000, 0).then(() => pace.take(1, 0));
  waiting.catch(() => undefined);
  stop.abort(new Error("paused"));
  await assert.rejects(waiting, /paused/);
});
