import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SqliteDatabase } from "../base/io/sql/sqlite.ts";
import { HostRow } from "../migrate/pace/host-row.ts";
import { runCli } from "../../test/support/run-cli.ts";

test("rookery migrate: from a source to users who wait for their migration", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-migrate-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const keyFile = join(folder, "storage.key");
  writeFileSync(keyFile, "ab".repeat(32), { mode: 0o600 });
  const data = join(folder, "data");
  const migrate = (words: string, input?: string) =>
    runCli(
      [
        "migrate",
        ...words.split(" "),
        "--data",
        data,
        "--set",
        "migrate.storage_key=k1",
        "--set",
        `migrate.storage_keys=k1=${keyFile}`,
      ],
      { cwd: folder, ...(input === undefined ? {} : { input }) },
    );
  const done = async (words: string, input?: string): Promise<string> => {
    const { exitCode, stdout, stderr } = await migrate(words, input);
    assert.equal(exitCode, 0, `${words}: ${stderr}`);
    return stdout;
  };
  const json = async (words: string): Promise<unknown> => JSON.parse(await done(`${words} --json`));

  assert.match(await done("source add CustomerX"), /^Source CustomerX is added\.\nKey: [0-9a-f-]{36} /);
  assert.match(await done("source allow CustomerX info *@x.test"), /may get info, \*@x\.test\.$/m);
  assert.match(await done("source list"), /^CustomerX {2}info \*@x\.test$/m);
  assert.equal((await migrate("source allow CustomerX")).exitCode, 64);
  assert.match(await done("source allow CustomerX --any"), /any target uid/);
  await done("target add default");
  writeFileSync(join(folder, "presync.yaml"), "name: doveadm\nsub-command:\n  name: backup\n  flags: -R\n");
  await done("host add CustomerX imap1 --connections 3 --bytes-per-second 1MiB");
  assert.equal((await migrate("host add CustomerX imap2 --command1 missing.yaml")).exitCode, 64);
  const withPort = await migrate("host add CustomerX imap2:1143");
  assert.equal(withPort.exitCode, 64);
  assert.match(withPort.stderr, /"imap2:1143" is no name of a source host: the port is given with --port/);
  await done("host add CustomerX 2001:db8::1");
  await done("host remove CustomerX 2001:db8::1");
  await done("host add CustomerX imap2 --command1 presync.yaml");
  assert.match(
    await done("host list CustomerX"),
    /imap1 +3 +no limit +1\.0 MiB +built-in\nimap2 +10 .* command doveadm/,
  );
  assert.match(await done("host show CustomerX imap1"), /imap1 +3 .*\nIt never asked for less\./s);
  const database = await SqliteDatabase.open(join(data, "migration.sqlite"));
  const host = new HostRow(database, { source: "CustomerX", host: "imap1" }, () => Date.now());
  await host.backOff("NO [THROTTLED] slow down");
  await database.close();
  const patience = await done("host show CustomerX imap1");
  assert.match(
    patience,
    /It asked for less 1 times, last at .*: NO \[THROTTLED\] slow down\nLearned limits: 1\.0 /,
  );
  assert.match(patience, /Paused until /);
  assert.match(
    await done("host list CustomerX"),
    /ENGINE +LEARNED\n.* built-in +1\.0 messages\/s and 16\.0 KiB\/s, paused \d+ s\n.*doveadm *\n/,
  );
  const { learned } = (await json("host show CustomerX imap1")) as { learned: { backoffs: number } };
  assert.equal(learned.backoffs, 1);
  assert.notEqual((await migrate("host show CustomerX imap9")).exitCode, 0);

  await done(
    "submit CustomerX anna --phase pre-sync --target-uid anna --target default --host imap1 --with-password",
    "of anna\n",
  );
  const shown = (await json("user show CustomerX anna")) as Record<string, unknown>;
  assert.deepEqual([shown["hasPassword"], shown["sourcehost"]], [true, "imap1"]);

  const csv = [
    "sourceUid,targetUid,password,excludeFolders,useImapcSsl",
    'bert,bert,"of, bert",Trash; Junk,yes',
    "carl,anna,,,",
    "dora,dora,,,perhaps",
    "emil,emil,,,",
  ].join("\r\n");
  writeFileSync(join(folder, "users.csv"), csv);
  const imported = await migrate(
    `import ${join(folder, "users.csv")} --source CustomerX --target default --host imap1`,
  );
  assert.equal(imported.exitCode, 1);
  assert.equal(imported.stdout, "2 users taken, 2 refused.\n");
  assert.match(
    imported.stderr,
    /line 3: carl: targetUid "anna" of target "default" belongs to another user "anna"/,
  );
  assert.match(imported.stderr, /line 4: dora: useImapcSsl "perhaps" is neither yes nor no/);
  const bert = (await json("user show CustomerX bert")) as Record<string, unknown>;
  assert.deepEqual([bert["excludeFolders"], bert["useImapcSsl"]], [["Trash", "Junk"], true]);

  assert.equal(
    await done("submit CustomerX --all --phase cutover"),
    "2 submitted, 1 had one already, 0 refused.\n",
  );
  assert.match(await done("status"), /CustomerX +imap1 +CUTOVER +READY +2 +1\.0 messages\/s and/);
  const [count] = (await json("status")) as { learned: { reason: string } }[];
  assert.match(count?.learned.reason ?? "", /THROTTLED/);
  assert.match(await done("status CustomerX --status ready"), /emil .*\n.*bert .*\n.*anna /);
  await done("close CustomerX anna");
  assert.equal(((await json("status CustomerX anna")) as { status: string }).status, "ABORTED");
  assert.equal((await migrate("close CustomerX anna")).exitCode, 65);
  assert.equal((await migrate("submit CustomerX anna")).exitCode, 64);
  assert.equal((await migrate("backend pause default/none")).exitCode, 65);
  assert.equal(await done("backend list"), "No workers.\n");

  for (const file of readdirSync(data)) {
    assert.ok(!readFileSync(join(data, file)).includes("of anna"), `${file} holds a password`);
  }
});

test("rookery migrate: a database that cannot be had is said without a stack", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-migrate-cli-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const status = (database: string) =>
    runCli(["migrate", "status", "--data", folder, "--set", `migrate.database=${database}`]);
  const wrong = await status("mysql://me:hidden@127.0.0.1/migration");
  assert.equal(wrong.exitCode, 78);
  assert.match(wrong.stderr, /migrate\.database .*expected a URL as postgres:/);
  assert.doesNotMatch(wrong.stderr, /hidden/);
  const { exitCode, stderr } = await status("postgres://me:hidden@127.0.0.1:1/migration");
  assert.equal(exitCode, 75);
  assert.match(stderr, /database postgres:\/\/127\.0\.0\.1:1\/migration: connect ECONNREFUSED/);
  assert.doesNotMatch(stderr, /hidden|\n\s+at /);
});
