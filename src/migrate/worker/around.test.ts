import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "../../base/io/clock.ts";
import { silentLog } from "../../base/log.ts";
import { readWorkerCommands } from "../command/options.ts";
import type { JobResult, MigrationJob } from "../model.ts";
import { sampleJob } from "../../../test/support/migration-job.ts";
import { runWithHooks } from "./around.ts";

const folder = mkdtempSync(join(tmpdir(), "rookery-around-"));
after(() => rmSync(folder, { recursive: true }));

const SUCCESS: JobResult = {
  status: "SUCCESS",
  details: [{ operation: "dsync", success: true, command: "copy", exitCode: 0 }],
  syncMessageCount: 3,
  expungedMessageCount: 0,
  syncSpeed: 1,
};

test("hooks stand around the migration in their order", async () => {
  const trace = traceFile();
  const result = await around({ pre: trace.note("lock"), post: trace.note("switch") }, SUCCESS);
  assert.equal(result.status, "SUCCESS");
  assert.deepEqual(trace.words(), ["lock", "switch"]);
  assert.deepEqual(
    result.details.map(({ operation }) => operation),
    ["pre command", "dsync", "post command"],
  );
});

test("after a failure every failure hook runs, also behind one that fails", async () => {
  const trace = traceFile();
  const hooks = { pre: trace.note("lock"), failure: [{ name: "false" }, trace.note("unlock")] };
  const result = await around(hooks, { ...SUCCESS, status: "FAILED", error: "no answer" });
  assert.equal(result.status, "FAILED");
  assert.deepEqual(trace.words(), ["lock", "unlock"]);
});

test("a failing post hook keeps what was copied in the record", async () => {
  const result = await around({ post: { name: "false" } }, SUCCESS);
  assert.equal(result.status, "FAILED");
  assert.equal(result.syncMessageCount, 3);
  assert.equal(result.error, "post command failed with return code 1");
});

test("a dry run locks nobody", async () => {
  const trace = traceFile();
  await around({ pre: trace.note("lock") }, SUCCESS, { dryRun: true });
  assert.deepEqual(trace.words(), []);
});

test("a cutover is refused while messages are missing", async () => {
  let ran = false;
  const result = await runWithHooks(
    { ...optionsOf({}), cutoverRefusal: () => Promise.resolve("2 messages are missing") },
    JOB,
    CONTEXT,
    () => {
      ran = true;
      return Promise.resolve(SUCCESS);
    },
  );
  assert.equal(result.status, "FAILED");
  assert.equal(result.error, "2 messages are missing");
  assert.equal(ran, false);
});

test("a rollback runs its hooks and copies nothing; without hooks it fails and says which", async () => {
  const trace = traceFile();
  let copied = false;
  const run = (): Promise<JobResult> => {
    copied = true;
    return Promise.resolve(SUCCESS);
  };
  const job: MigrationJob = { ...JOB, phase: "ROLLBACK" };
  const done = await runWithHooks(optionsOf({ rollback: trace.note("route back") }), job, CONTEXT, run);
  assert.equal(done.status, "SUCCESS");
  assert.deepEqual(trace.words(), ["route back"]);
  const refused = await runWithHooks(optionsOf({}), job, CONTEXT, run);
  assert.equal(refused.status, "FAILED");
  assert.match(refused.error ?? "", /cutover\.rollback/);
  assert.equal(copied, false);
});

test("who lost the job leaves the lock to who has it now", async () => {
  const trace = traceFile();
  const hooks = { pre: trace.note("lock"), failure: trace.note("unlock") };
  await runWithHooks(optionsOf(hooks), JOB, { ...CONTEXT, isHeld: () => false }, () =>
    Promise.resolve({ ...SUCCESS, status: "ABORTED" as const }),
  );
  assert.deepEqual(trace.words(), ["lock"]);
});

test("an HTTP hook is asked again after 503, with the user in its URL", async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.statusCode = asked.length === 1 ? 503 : 204;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const result = await around(
    {
      pre: {
        http: {
          method: "put",
          url: `http://127.0.0.1:${port}/lock/%{mdb:ruid}`,
          headers: { authorization: "Bearer abc" },
          "retry-after-ms": 1,
        },
      },
    },
    SUCCESS,
  );
  server.close();
  assert.equal(result.status, "SUCCESS");
  assert.deepEqual(asked, Array(2).fill("PUT /lock/a%2Fb%40example.org Bearer abc"));
  assert.equal(result.details[0]?.attempts, 2);
  assert.ok(!JSON.stringify(result).includes("Bearer"));
});

test("the user's log is closed however the migration ends", async () => {
  const logs = mkdtempSync(join(folder, "logs-"));
  const options = (hooks: Record<string, unknown>): Parameters<typeof runWithHooks>[0] => ({
    ...optionsOf(hooks),
    userLog: { folder: logs, format: "%(user).log" },
  });
  const hooks = { pre: { name: "true" }, failure: { name: "true" } };
  const faulty = (): Promise<JobResult> => Promise.reject(new Error("a fault"));
  await assert.rejects(runWithHooks(options(hooks), JOB, CONTEXT, faulty), /a fault/);
  // Who asks whether the job is still held may be told something unexpected, too.
  const unknown = (): boolean => {
    throw new Error("not known");
  };
  const failing = (): Promise<JobResult> => Promise.resolve({ ...SUCCESS, status: "FAILED" });
  const asked = runWithHooks(options(hooks), JOB, { ...CONTEXT, isHeld: unknown }, failing);
  await assert.rejects(asked, /not known/);
  const open = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return "";
    }
  });
  assert.ok(readdirSync(logs).length > 0);
  assert.deepEqual(
    open.filter((path) => path.startsWith(logs)),
    [],
  );
});

function traceFile(): { note(word: string): unknown; words(): string[] } {
  const path = join(mkdtempSync(join(folder, "trace-")), "words");
  return {
    note: (word) => ({ name: "sh", options: [{ name: "-c", value: `echo ${word} >> ${path}` }] }),
    words() {
      try {
        return readFileSync(path, "utf8").trim().split("\n");
      } catch {
        return [];
      }
    },
  };
}

const CONTEXT = {
  signal: new AbortController().signal,
  clock: systemClock,
  log: silentLog,
  isHeld: () => true,
};

function around(
  hooks: Record<string, unknown>,
  outcome: JobResult,
  change: Partial<MigrationJob> = {},
): Promise<JobResult> {
  return runWithHooks(optionsOf(hooks), { ...JOB, ...change }, CONTEXT, () => Promise.resolve(outcome));
}

function optionsOf(hooks: Record<string, unknown>): Parameters<typeof runWithHooks>[0] {
  return {
    commands: readWorkerCommands({ dmf: { worker: { command: { cutover: hooks } } } }),
    userLog: undefined,
    cutoverRefusal: () => Promise.resolve(undefined),
  };
}

const JOB = sampleJob({ sourceUid: "a/b@example.org" }, { phase: "CUTOVER" });
