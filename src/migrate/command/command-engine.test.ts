import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { NO_LIMITS } from "../../../test/support/migration.ts";
import { sampleJob } from "../../../test/support/migration-job.ts";
import { systemClock } from "../../base/io/clock.ts";
import { Logs } from "../../base/log.ts";
import type { EngineContext } from "../engine.ts";
import type { JobResult, MigrationJob } from "../model.ts";
import { CommandError, readCommand } from "./command.ts";
import { CommandEngine } from "./command-engine.ts";
import { readWorkerCommands } from "./options.ts";

const folder = mkdtempSync(join(tmpdir(), "rookery-command-engine-"));
after(() => rmSync(folder, { recursive: true }));

const SECRET = "s3cret-p4ssword";

test("a temporary failure is tried again, counts and saved messages are recorded (S4.33–36)", async () => {
  // Fails with 75 the first time, as doveadm does when the source does not answer.
  const doveadm = script(
    "doveadm",
    `case "$*" in
       *status*) printf 'mailbox\\tmessages\\tvsize\\nINBOX\\t150\\t142255\\n'; exit 0;;
     esac
     if [ ! -e ${folder}/tried ]; then touch ${folder}/tried; echo 'dsync(user1): Error: no answer' >&2; exit 75; fi
     echo 'dsync(user1): Info: save: box=INBOX, uid=1, msgid=<a@b>, size=10'
     echo 'dsync(user1): Info: expunge: box=INBOX, uid=1, msgid=<c@d>, size=10'`,
  );
  const result = await run(doveadm);
  assert.equal(result.status, "SUCCESS");
  assert.deepEqual(
    result.details.map(({ operation, success }) => [operation, success]),
    [
      ["count local mailbox pre sync", true],
      ["dsync", true],
      ["count local mailbox post sync", true],
    ],
  );
  const dsync = result.details[1];
  assert.equal(dsync?.attempts, 2);
  assert.deepEqual(dsync?.saved, { INBOX: 1 });
  assert.equal(result.syncMessageCount, 1);
  assert.equal(result.expungedMessageCount, 1);
  assert.equal(result.targetMessageCount, 150);
});

test("after the last attempt the record says what to do and what doveadm said (S4.35)", async () => {
  const doveadm = script(
    "doveadm",
    `case "$*" in *status*) exit 0;; esac
     echo 'dsync(user1): Error: imapc: Authentication failed' >&2; exit 75`,
  );
  const result = await run(doveadm);
  assert.equal(result.status, "FAILED");
  assert.deepEqual(result.details.at(-1)?.errors, [
    "Dsync failed with return code 75 after 3 attempts. Reason: Temporary failure. Hint: Re-running the migration at a later time will usually resolve this",
    "dsync(user1): Error: imapc: Authentication failed",
  ]);
});

test("another program finds the password in its environment; in its arguments it is refused", async () => {
  const seen = join(folder, "plain");
  const program = script("copy-user", `printf %s "$ROOKERY_SOURCEPASSWD" > ${seen}`);
  const job = sampleJob(
    { password: "open sesame" },
    {},
    { migrationCommand1: JSON.stringify({ name: program }) },
  );
  const result = await run(program, [], new AbortController().signal, job);
  assert.equal(readFileSync(seen, "utf8"), "open sesame", JSON.stringify(result));
  assert.throws(
    () => readCommand({ name: program, arguments: ["--password=%{mdb:sourcepasswd}"] }),
    /%\{mdb:sourcepasswd\} in the arguments of ".*copy-user" would stand in the process list; .* ROOKERY_SOURCEPASSWD/,
  );
  assert.throws(
    () => readCommand({ name: "sh", flags: ["-c", "x %{conf:proxy_secret}"] }),
    /ROOKERY_PROXY_SECRET/,
  );
  assert.throws(
    () => readCommand({ name: "doveadm", options: { name: "-o", value: "mail_x=%{mdb:sourcepasswd}" } }),
    CommandError,
  );
});

test("the password reaches doveadm and nothing else: not the arguments, the record, the log", async () => {
  const seen = join(folder, "seen");
  const doveadm = script(
    "doveadm",
    `case "$*" in *status*) exit 0;; esac
     tr '\\0' ' ' < /proc/$$/cmdline > ${seen}.arguments
     cat "$2" > ${seen}.config`,
  );
  const lines: string[] = [];
  const result = await run(doveadm, lines);
  assert.equal(result.status, "SUCCESS");
  assert.match(readFileSync(`${seen}.config`, "utf8"), new RegExp(`imapc_password = "${SECRET}%"`));
  const everything = [
    readFileSync(`${seen}.arguments`, "utf8"),
    JSON.stringify(result),
    readFileSync(join(folder, "CustomerX-user1-user-migration.log"), "utf8"),
    ...lines,
  ].join("\n");
  assert.ok(!everything.includes(SECRET));
  assert.ok(everything.includes("imapc_password=<hidden>"));
});

test("a job that is taken away ends its command and says ABORTED", async () => {
  const started = join(folder, "started");
  const doveadm = script("doveadm", `case "$*" in *status*) exit 0;; esac; touch ${started}; exec sleep 600`);
  const abort = new AbortController();
  const running = run(doveadm, [], abort.signal);
  abort.abort();
  assert.equal((await running).status, "ABORTED");
});

/** Scripts of one name must not overwrite each other while one runs. */
let scripts = 0;
function script(name: string, body: string): string {
  scripts += 1;
  const place = mkdtempSync(join(folder, `bin${scripts}-`));
  const path = join(place, name);
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

function run(
  doveadm: string,
  lines: string[] = [],
  signal: AbortSignal = new AbortController().signal,
  job: MigrationJob = jobWith(doveadm),
): Promise<JobResult> {
  const engine = new CommandEngine({
    commands: readWorkerCommands({
      dmf: {
        doveadm: { source: { CustomerX: { imapc: { "master-password": `${SECRET}%` } } } },
      },
    }),
    maxAttempts: 3,
    retryAfterMs: 1,
    userLog: { format: "%(source)-%(user)-user-migration.log", folder },
  });
  const context: EngineContext = {
    signal,
    clock: systemClock,
    log: new Logs({
      level: "trace",
      format: "json",
      destination: (line) => void lines.push(line),
    }).named("migrate"),
    pace: NO_LIMITS,
    progress() {},
  };
  return engine.run(job, context);
}

function jobWith(doveadm: string): MigrationJob {
  const command = {
    name: doveadm,
    options: [{ name: "imapc_password", value: "%{conf:imapc_master_password}" }],
    subCommand: {
      name: "backup",
      flags: ["-R"],
      options: [{ name: "-u", value: "%{mdb:uid}" }],
      arguments: ["imapc:"],
    },
  };
  return sampleJob({}, {}, { migrationCommand1: JSON.stringify(command) });
}
