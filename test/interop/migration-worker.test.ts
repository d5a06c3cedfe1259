/**
 * The migration as an operator runs it: a Dovecot with users, a node with store, scheduler and worker, another worker in
 * a process of its own, all talked to by their own protocols.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { logIn } from "../support/imap-peer.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { runCli } from "../support/run-cli.ts";
import { startServe } from "../support/running-node.ts";

const USERS = ["alice", "bert", "carla"];
const MESSAGES = 40;
const FINAL_ATTEMPTS = 600;

test("migrate: submitted from the command line, moved by a worker, the next worker takes over from one that is killed", async (t) => {
  if (!(await peerOrSkip(t, "dovecot"))) return;
  const folder = mkdtempSync(join(tmpdir(), "rk-w"));
  const sourceFolder = mkdtempSync(join(tmpdir(), "rk-d"));
  t.after(() => {
    for (const path of [folder, sourceFolder]) rmSync(path, { recursive: true, force: true });
  });
  const source = await startDovecot({
    folder: sourceFolder,
    users: Object.fromEntries(USERS.map((user) => [user, `of-${user}`])),
  });
  t.after(() => source.stop());
  const sourcePort = source.ports["imap"] ?? 0;
  for (const user of USERS) {
    const client = await logIn({ host: source.host, port: sourcePort }, user, `of-${user}`);
    await client.ok("CREATE Projects");
    for (let number = 0; number < MESSAGES; number++) {
      const box = number % 4 === 0 ? "Projects" : "INBOX";
      await client.append(box, "\\Seen", Buffer.from(`Subject: ${user} ${number}\r\n\r\nBody ${number}\r\n`));
    }
    await client.close();
  }

  const data = join(folder, "data");
  const cli = async (words: readonly string[], input = ""): Promise<string> => {
    const { exitCode, stdout, stderr } = await runCli(
      [...words, "--data", data, ...keySettings(folder).flatMap((setting) => ["--set", setting])],
      { input },
    );
    assert.equal(exitCode, 0, `${words.join(" ")}: ${stderr}`);
    return stdout;
  };
  makeKey(folder);
  const node = await startServe(data, [
    "node.roles=store,scheduler,worker",
    "listen.imap=127.0.0.1:0",
    "listen.scheduler=127.0.0.1:0",
    "migrateworker.lease=3s",
    "migrateimap.full_retry_after=4s",
    "directory.allowplaintext=yes",
    ...keySettings(folder),
  ]);
  t.after(() => node.stop());
  for (const user of USERS) await cli(["user", "add", user, "--password", `new-${user}`]);
  await cli(["migrate", "source", "add", "Old"]);
  await cli(["migrate", "host", "add", "Old", source.host, "--connections", "2"]);
  const submit = (user: string, phase: string): Promise<string> =>
    cli(
      [
        ...`migrate submit Old ${user} --phase ${phase} --target-uid ${user} --target default`.split(" "),
        ...`--host ${source.host} --port ${sourcePort} --no-ssl --with-password`.split(" "),
      ],
      `of-${user}\n`,
    );
  const latest = async (user: string): Promise<Record<string, unknown>> =>
    JSON.parse(await cli(["migrate", "status", "Old", user, "--json"])) as Record<string, unknown>;
  const finished = async (user: string): Promise<Record<string, unknown>> => {
    for (let attempt = 0; attempt < FINAL_ATTEMPTS; attempt++) {
      const record = await latest(user);
      if (record["status"] !== "READY" && record["status"] !== "SYNC") return record;
      await pause(100);
    }
    throw new Error(`the migration of ${user} does not end: ${node.log.join("\n")}`);
  };

  for (const user of USERS) await submit(user, "pre-sync");
  for (const user of USERS) {
    const record = await finished(user);
    assert.equal(record["status"], "SUCCESS", JSON.stringify(record));
    assert.deepEqual([record["syncMessageCount"], record["backend"]], [MESSAGES, "default/dmf-worker"]);
    const { host, port } = node.endpoint("imap");
    const client = await logIn({ host, port }, user, `new-${user}`);
    const status = await client.ok("STATUS Projects (MESSAGES)");
    assert.match(status.untagged.map((line) => line.arguments().rest()).join(), /MESSAGES 10/);
    await client.close();
  }

  // Fred has carla's mail, and no room for it at first.
  await cli(["user", "add", "fred", "--password", "new-fred"]);
  const full = await logIn(node.endpoint("imap"), "fred", "new-fred");
  await cli(["mailbox", "quota", "fred", "--messages", "5"]);
  await cli(
    [
      ..."migrate submit Old carla2 --phase pre-sync --target-uid fred --target default".split(" "),
      ...`--host ${source.host} --port ${sourcePort} --no-ssl`.split(" "),
      ..."--imapc-option imapc_user=carla --with-password".split(" "),
    ],
    "of-carla\n",
  );
  await pauseUntil(() => node.log.some((line) => line.includes('"status":"paused"')));
  // It may just be tried again.
  const status = (): Promise<string> => cli(["migrate", "status", "Old", "--limit", "1"]);
  let told = await status();
  for (let again = 0; again < 10 && told.includes(" SYNC "); again++) told = await status();
  assert.match(told, /carla2 .* READY .*has no room for/);
  await cli(["mailbox", "quota", "fred", "--remove"]);
  const roomy = await finished("carla2");
  assert.equal(roomy["status"], "SUCCESS", JSON.stringify(roomy));
  const copied = await full.ok("STATUS INBOX (MESSAGES)");
  assert.match(copied.untagged.map((line) => line.arguments().rest()).join(), /MESSAGES 30/);
  await full.close();

  // A worker of its own fills the node over IMAP, and dies with a job in its hands.
  await cli(["migrate", "backend", "pause", "default/dmf-worker"]);
  await cli(["user", "add", "mover", "--password", "of-mover", "--proxy"]);
  await cli(["user", "add", "dora", "--password", "new-dora"]);
  const { host, port } = node.endpoint("imap");
  const startWorker = (name: string) =>
    startServe(data, [
      "node.roles=worker",
      `migrateworker.name=${name}`,
      "migrateworker.lease=3s",
      `migrateworker.target_imap=${host}:${port}`,
      "migrateworker.target_tls=off",
      "migrateworker.target_master_user=mover",
      "migrateworker.target_master_password=of-mover",
      ...keySettings(folder),
    ]);
  const first = await startWorker("first");
  t.after(() => first.stop());
  await pauseUntil(() => node.log.some((line) => line.includes('"PAUSED"')));
  // Dora goes to a target uid of her own, from alice's mailbox.
  await cli(
    [
      ..."migrate submit Old alice2 --phase pre-sync --target-uid dora --target default".split(" "),
      ...`--host ${source.host} --port ${sourcePort} --no-ssl`.split(" "),
      ..."--imapc-option imapc_user=alice --with-password".split(" "),
    ],
    "of-alice\n",
  );
  await pauseUntil(() => first.log.some((line) => line.includes("migration begins")));
  first.child.kill("SIGKILL");
  const second = await startWorker("second");
  t.after(() => second.stop());
  const record = await finished("alice2");
  assert.equal(record["status"], "SUCCESS", JSON.stringify(record));
  const dora = await logIn({ host, port }, "dora", "new-dora");
  const inbox = await dora.ok("STATUS INBOX (MESSAGES)");
  assert.match(inbox.untagged.map((line) => line.arguments().rest()).join(), /MESSAGES 30/);
  await dora.close();

  const everything = [...node.log, ...first.log, ...second.log].join("\n");
  for (const user of USERS) assert.ok(!everything.includes(`of-${user}`), "a password is in a log");
  assert.equal(await second.stop(), 0);
});

function keySettings(folder: string): string[] {
  return ["migrate.storage_key=k1", `migrate.storage_keys=k1=${join(folder, "storage.key")}`];
}

function makeKey(folder: string): void {
  writeFileSync(join(folder, "storage.key"), "cd".repeat(32), { mode: 0o600 });
}

async function pauseUntil(done: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < FINAL_ATTEMPTS; attempt++) {
    if (done()) return;
    await pause(50);
  }
  throw new Error("it does not happen");
}
