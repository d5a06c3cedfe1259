// `rookery migrate report` as an operator uses it: what was skipped, a worker that verifies, losses that are accepted.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { logIn } from "../support/imap-peer.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { runCli } from "../support/run-cli.ts";
import { startServe } from "../support/running-node.ts";

const LOOKS = 600;

test("migrate: the report names a loss, verifying finds another, accepted losses let the cutover pass", async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-r"));
  const sourceFolder = mkdtempSync(join(tmpdir(), "rk-d"));
  t.after(() => {
    for (const path of [folder, sourceFolder]) rmSync(path, { recursive: true, force: true });
  });
  const source = await startDovecot({ folder: sourceFolder, users: { anna: "of-anna" } });
  t.after(() => source.stop());
  const sourcePort = source.ports["imap"] ?? 0;
  const client = await logIn({ host: source.host, port: sourcePort }, "anna", "of-anna");
  for (let number = 1; number <= 9; number++) {
    await client.append("INBOX", "", Buffer.from(`Subject: ${number}\r\n\r\nBody ${number}\r\n`));
  }
  await client.append("INBOX", "", Buffer.from(`Subject: big\r\n\r\n${"x".repeat(200_000)}\r\n`));
  await client.close();

  const keyFile = join(folder, "storage.key");
  writeFileSync(keyFile, "ab".repeat(32), { mode: 0o600 });
  const settings = [
    "migrate.storage_key=k1",
    `migrate.storage_keys=k1=${keyFile}`,
    "migrateimap.max_message=100KiB",
    "directory.allowplaintext=yes",
  ];
  const data = join(folder, "data");
  const node = await startServe(data, [
    "node.roles=store,scheduler,worker",
    "listen.imap=127.0.0.1:0",
    "listen.scheduler=127.0.0.1:0",
    ...settings,
  ]);
  t.after(() => node.stop());
  const cli = (words: string, input = ""): ReturnType<typeof runCli> =>
    runCli([...words.split(" "), "--data", data, ...settings.flatMap((setting) => ["--set", setting])], {
      input,
    });
  const ok = async (words: string, input = ""): Promise<string> => {
    const { exitCode, stdout, stderr } = await cli(words, input);
    assert.equal(exitCode, 0, `${words}: ${stderr}`);
    return stdout;
  };
  const ended = async (): Promise<Record<string, unknown>> => {
    for (let look = 0; look < LOOKS; look++) {
      const record = JSON.parse(await ok("migrate status Old anna --json")) as Record<string, unknown>;
      if (record["status"] !== "READY" && record["status"] !== "SYNC") return record;
      await pause(50);
    }
    throw new Error("the migration does not end");
  };
  await ok("user add anna --password new-anna");
  await ok("migrate source add Old");
  await ok(`migrate host add Old ${source.host}`);
  const where = `--target-uid anna --target default --host ${source.host} --port ${sourcePort} --no-ssl`;
  await ok(`migrate submit Old anna --phase pre-sync ${where} --with-password`, "of-anna\n");
  assert.equal((await ended())["status"], "SUCCESS");

  const first = await cli("migrate report Old anna");
  assert.equal(first.exitCode, 1, first.stderr);
  assert.match(first.stdout, /^Old anna: 9 saved, 0 were there, 1 skipped, 0 missing/);
  assert.match(first.stdout, /UID 10 skipped: \d+ bytes, more than the 102400 that are taken/);

  // A message goes at the target.
  const target = await logIn(node.endpoint("imap"), "anna", "new-anna");
  await target.ok("SELECT INBOX");
  await target.ok("UID STORE 4 +FLAGS (\\Deleted)");
  await target.ok("UID EXPUNGE 4");
  await target.close();
  const verified = await cli("migrate report Old anna --verify");
  assert.equal(verified.exitCode, 1, verified.stderr);
  assert.match(verified.stdout, /by digests: 2 losses/);
  assert.match(verified.stdout, /UID 4 gone from the target/);

  await ok("migrate submit Old anna --phase cutover");
  const refused = await ended();
  assert.equal(refused["status"], "FAILED");
  assert.match(JSON.stringify(refused), /2 losses/);

  const page = join(folder, "report.html");
  await cli(`migrate report Old anna --accept --html --output ${page}`);
  assert.match(readFileSync(page, "utf8"), /gone from the target/);
  await ok("migrate submit Old anna --phase cutover");
  assert.equal((await ended())["status"], "SUCCESS");

  // Whose source does not answer cannot be verified, and is named beside the report.
  await source.stop();
  const csv = await cli("migrate report --all --csv --verify");
  assert.equal(csv.exitCode, 1);
  assert.match(csv.stderr, /Old anna could not be verified: .+/);
  assert.match(csv.stdout, /^Old,anna,INBOX,INBOX,folder,,,,9,0,1,0,0,\d+/m);
});
