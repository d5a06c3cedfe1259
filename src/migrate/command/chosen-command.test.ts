import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_LIMITS } from "../../../test/support/migration.ts";
import { sampleJob } from "../../../test/support/migration-job.ts";
import { systemClock } from "../../base/io/clock.ts";
import { silentLog } from "../../base/log.ts";
import type { JobResult, Phase, SourceHost } from "../model.ts";
import { CommandEngine } from "./command-engine.ts";
import { readWorkerCommands } from "./options.ts";

const says = (word: string) => ({ name: "echo", arguments: [word] });
const counts = {
  name: "printf",
  arguments: ["mailbox\\tmessages\\tvsize\\nINBOX\\t7\\t700\\n"],
};

async function run(phase: Phase, host: Partial<SourceHost>, worker: object = {}): Promise<JobResult> {
  const engine = new CommandEngine({
    commands: readWorkerCommands({ dmf: { worker: { command: worker } } }),
    maxAttempts: 1,
    retryAfterMs: 1,
    userLog: undefined,
  });
  return engine.run(sampleJob({}, { phase }, host), {
    signal: new AbortController().signal,
    clock: systemClock,
    log: silentLog,
    pace: NO_LIMITS,
    progress() {},
  });
}

function copied(result: JobResult): string | undefined {
  return result.details.find(({ operation }) => operation === "dsync")?.command;
}

test("the first command is for both phases, the second for the cutover alone (S4.23, S4.24)", async () => {
  const migrationCommand1 = JSON.stringify(says("one"));
  const migrationCommand2 = JSON.stringify(says("two"));
  assert.match(copied(await run("PRE_SYNC", { migrationCommand1, migrationCommand2 })) ?? "", /echo one$/);
  assert.match(copied(await run("CUTOVER", { migrationCommand1, migrationCommand2 })) ?? "", /echo two$/);
  assert.match(copied(await run("CUTOVER", { migrationCommand1 })) ?? "", /echo one$/);
});

test("ignore, or nothing, takes the worker's own commands (S4.23, S4.25)", async () => {
  const worker = { migration1: says("own one"), migration2: says("own two"), status: counts };
  const ignore = { migrationCommand1: JSON.stringify({ name: "ignore" }) };
  const first = await run("PRE_SYNC", ignore, worker);
  assert.match(copied(first) ?? "", /own one/);
  assert.deepEqual([first.sourceMessageCount, first.sourceMailboxSize], [7, 700]);
  assert.match(copied(await run("CUTOVER", ignore, worker)) ?? "", /own two/);
  const none = await run("PRE_SYNC", ignore);
  assert.equal(none.status, "FAILED");
  assert.match(none.error ?? "", /no migration command/);
});

test("the host's status command counts at the source (S4.25)", async () => {
  const host = { migrationCommand1: JSON.stringify(says("one")), statusCommand: JSON.stringify(counts) };
  assert.equal((await run("PRE_SYNC", host)).sourceMessageCount, 7);
});
