import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { inbox, setUp } from "../../../test/support/migration-scene.ts";
import { silentLog } from "../../base/log.ts";
import { learnedHosts } from "../pace/learned.ts";
import { Paces } from "../pace/pace.ts";

test("engine: a source that gets slow without a word is asked for less", async (t) => {
  const clock = new SimClock();
  let answers = 0;
  const { migration, stored } = await setUp(
    t,
    {
      ...inbox(2400),
      answer: (command) => {
        // The time that it takes: 400 ms for twenty messages, and after a while four seconds.
        if (command.startsWith("UID FETCH")) clock.advance(answers++ < 60 ? 400 : 4000);
        return undefined;
      },
    },
    { settings: { window: 20 } },
  );
  const paces = await Paces.open({
    database: migration.database,
    clock,
    nowMs: () => clock.nowMs(),
    log: silentLog,
  });
  const job = migration.job({});
  const { signal } = new AbortController();
  const state = { isDone: false };
  const running = migration.run(job, { clock, signal, pace: paces.of(job.host, signal) }).finally(() => {
    state.isDone = true;
  });
  // From then on it waits for its pause and for its turn.
  while (!state.isDone) {
    await migration.database.query("SELECT 1");
    await turn();
    if ((await learnedHosts(migration.database)).some(({ backoffs }) => backoffs > 0)) clock.advance(50);
  }
  assert.equal((await running).status, "SUCCESS");
  assert.equal((await stored("user.alice")).size, 2400);
  const [learned] = await learnedHosts(migration.database);
  assert.ok((learned?.backoffs ?? 0) > 0);
  assert.match(learned?.reason ?? "", /^answers got slow: \d+ ms for what took \d+ ms \(20 messages\)/);
  assert.ok((learned?.learnedMessages ?? 0) > 0);
});
