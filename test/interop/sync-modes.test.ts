// Two Rookery nodes: answers that wait for the replica, users of a replica, scripts that do not run, the dialect over SSH.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { systemNetwork } from "../../src/base/io/system-network.ts";
import { LmtpClient, printResponse } from "../../src/lmtp/client.ts";
import { freePorts } from "../support/peers/free-ports.ts";
import { logIn, talk } from "../support/imap-peer.ts";
import { ManagesieveTalk } from "../support/managesieve-talk.ts";
import { cliEnvironment, cliPath, runCli } from "../support/run-cli.ts";
import { assertEqual, caughtUp, startNodePair, startSyncNode, type SyncNode } from "../support/sync-nodes.ts";

const MESSAGE = Buffer.from("Subject: one\r\n\r\nbody\r\n");

async function statusOf({ cli }: SyncNode): Promise<string> {
  return (await cli("replication", "status")).stdout;
}

async function existsAt({ cli }: SyncNode): Promise<number> {
  const { stdout } = await cli("dump", "user.carol", "--json");
  return (JSON.parse(stdout) as { messages: readonly unknown[] }).messages.length;
}

test(
  "acknowledge: replica: answered means replicated; without the replica mail goes on",
  { timeout: 120_000 },
  async (t) => {
    const masterSettings = ["replication.acknowledge=replica", "replication.acknowledge_timeout=3s"];
    const { master, replica } = await startNodePair(t, { masterSettings });
    await caughtUp(master);
    const user = await logIn(master.crcs.endpoint, "carol", "secret");
    await user.append("INBOX", "", MESSAGE);
    const before = await existsAt(replica);
    await user.append("INBOX", "", MESSAGE);
    assert.equal(await existsAt(replica), before + 1);
    assert.match(await statusOf(master), /waiting/);
    await replica.kill();
    await user.append("INBOX", "", MESSAGE);
    await user.append("INBOX", "", MESSAGE);
    assert.match(await statusOf(master), /given up/);
    assert.ok(master.node.log.some((line) => line.includes("did not confirm in time")));
    await replica.start();
    await assertEqual(master, replica);
    assert.match(await statusOf(master), /waiting/);
    await user.append("INBOX", "", MESSAGE);
    assert.equal(await existsAt(replica), before + 4);
    await user.close();
  },
);

test(
  "users of a replica: mail and APPEND are refused for now, reading goes on",
  { timeout: 120_000 },
  async (t) => {
    const [lmtp = 0] = await freePorts(1);
    const { master, replica } = await startNodePair(t, {
      replicaSettings: [`listen.lmtp=127.0.0.1:${lmtp}`],
    });
    await replica.cli("replication", "role", "--domain", "*", "replica");
    // Before anything of hers has come.
    await replica.cli("user", "add", "carol", "--password", "secret");
    const writer = await logIn(master.crcs.endpoint, "carol", "secret");
    await writer.append("INBOX", "", MESSAGE);
    await writer.close();
    await assertEqual(master, replica);

    const deliver = async (): Promise<string> => {
      const client = new LmtpClient(await systemNetwork.connect({ host: "127.0.0.1", port: lmtp }));
      await client.open("mx.example.test");
      const { recipients } = await client.send({
        sender: "a@example.org",
        recipients: ["carol@example.test"],
        body: MESSAGE,
      });
      await client.quit();
      return recipients.map(printResponse).join();
    };
    assert.match(await deliver(), /^451 4\.3\.2/);
    const commands = [
      "SELECT INBOX",
      "FETCH 1 BODY.PEEK[]",
      "APPEND INBOX {3+}\r\nx\r\n",
      "STORE 1 +FLAGS (\\Flagged)",
      "COPY 1 INBOX",
      "CREATE Other",
      "DELETE INBOX",
      "SUBSCRIBE INBOX",
    ];
    const answers = await talk(replica.crcs.endpoint, ["carol", "secret"], commands, { mayFail: true });
    assert.match(answers, /^t1 OK /m);
    assert.match(answers, /^t2 OK /m);
    for (const number of [3, 4, 5, 6, 8]) {
      assert.match(answers, new RegExp(`^t${number} NO \\[INUSE\\]`, "m"), commands[number - 1]);
    }
    // He becomes the master: both take mail.
    await master.cli("replication", "role", "carol", "replica");
    await replica.cli("replication", "role", "carol", "master");
    assert.match(await deliver(), /^250 /);
  },
);

test("scripts that do not run on the replica are told", { timeout: 120_000 }, async (t) => {
  const [managesieve = 0] = await freePorts(1);
  const { master, replica } = await startNodePair(t, {
    masterSettings: [`listen.managesieve=127.0.0.1:${managesieve}`],
    replicaSettings: ["sieve.enabled=no"],
  });
  const sieve = await ManagesieveTalk.login({ host: "127.0.0.1", port: managesieve }, "carol", "secret");
  assert.match(await sieve.say('PUTSCRIPT "main" "keep;"'), /^OK/);
  await assertEqual(master, replica);
  assert.doesNotMatch(await statusOf(replica), /carol/);
  assert.match(await sieve.say('SETACTIVE "main"'), /^OK/);
  await assertEqual(master, replica);
  assert.match(await statusOf(replica), /Scripts do not run here .*: carol/);
  assert.doesNotMatch(await statusOf(master), /Scripts do not run/);
  assert.ok(
    replica.node.log.some((line) => /carol.*active Sieve script|active Sieve script.*carol/.test(line)),
  );
});

test("replicate --ssh: the text dialect with what the login starts", { timeout: 120_000 }, async (t) => {
  const replica = await startSyncNode(t, []);
  const ssh = join(replica.data, "..", "ssh.sh");
  // As ssh does: -- host command.
  writeFileSync(ssh, '#!/bin/sh\nexec sh -c "$3"\n', { mode: 0o700 });
  const remote = `${process.execPath} ${cliPath} sync-server --stdio --data ${replica.data}`;
  const master = await startSyncNode(t, [`replication.ssh=${ssh}`, `replication.ssh_server=${remote}`]);
  await master.cli("user", "add", "carol", "--password", "secret");
  const user = await logIn(master.crcs.endpoint, "carol", "secret");
  await user.append("INBOX", "\\Seen \\Flagged kw", MESSAGE);
  await user.append("INBOX", "", Buffer.from(`Subject: large\r\n\r\n${"x".repeat(200_000)}\r\n`));
  await user.ok('CREATE "Gr&APwA3w-e"');
  const replicate = (...words: string[]): Promise<{ stdout: string }> =>
    master.cli("replicate", "--ssh", "replica.example.test", "-v", "-v", ...words);
  const first = await replicate("-u", "carol");
  assert.match(first.stdout, /^USER carol\nUSER_SOME carol \.\.\.\nCREATE user\.carol /);
  assert.match(first.stdout, /UPLOAD \[2 msgs\]\nSETSEEN carol \.\.\.\n/);
  const again = await replicate("-u", "carol");
  assert.match(again.stdout, /^USER carol\nUSER_SOME carol \.\.\.\nENDUSER\n/);
  await user.ok("SELECT INBOX");
  await user.ok("MOVE 1 Gr&APwA3w-e");
  const moved = await replicate("-m", "user.carol", "user.carol.Gr&APwA3w-e");
  assert.match(moved.stdout, /RESERVE user\.carol \.\.\.\nSELECT user\.carol\nEXPUNGE \[1 msgs\]/);
  await replica.cli("user", "add", "carol", "--password", "secret");
  const listing = ["SELECT INBOX", "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE)"];
  listing.push('SELECT "Gr&APwA3w-e"', "FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])");
  const fetched = async ({ crcs }: SyncNode): Promise<readonly string[]> => {
    const text = await talk(crcs.endpoint, ["carol", "secret"], listing);
    const lines = text.split("\r\n").filter((line) => line.startsWith("* 1 FETCH"));
    // Who looked first is each server's own matter.
    return lines.map((line) => line.replace(" \\Recent", ""));
  };
  assert.equal((await fetched(master)).length, 2);
  assert.deepEqual(await fetched(replica), await fetched(master));
  await user.close();

  // Both have looked at the mailboxes meanwhile, which is a change of what was seen.
  await replicate("-u", "carol");
  // Without a node there: the command takes the folder itself.
  await replica.node.stop();
  assert.match((await replicate("-u", "carol")).stdout, /^USER carol\nUSER_SOME carol \.\.\.\nENDUSER\n/);
  await replica.start();
});

test(
  "-v -v shows each step when it is taken; what the login said stands in the error",
  { timeout: 120_000 },
  async (t) => {
    const node = await startSyncNode(t, []);
    const ssh = join(node.data, "..", "ssh.sh");
    const flag = join(node.data, "..", "going");
    const script = [
      "#!/bin/sh",
      "printf '* Sync Server v0.0 [EXPERIMENTAL]\\r\\n'",
      `while [ -e ${flag} ]; do sleep 0.05; done`,
      "echo no such thing >&2; exit 3",
    ];
    writeFileSync(ssh, `${script.join("\n")}\n`, { mode: 0o700 });
    writeFileSync(flag, "");
    await node.node.stop();
    await node.cli("user", "add", "carol", "--password", "secret");
    const words = ["replicate", "--ssh", "there", "-v", "-v", "-u", "carol", "--data", node.data];
    const child = spawn(process.execPath, [cliPath, ...words, "--set", `replication.ssh=${ssh}`], {
      env: cliEnvironment(),
    });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
    const ended = once(child, "close");
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    assert.equal((await lines.next()).value, "USER carol");
    assert.equal((await lines.next()).value, "USER_SOME carol ...");
    assert.equal(child.exitCode, null);
    rmSync(flag);
    await ended;
    assert.match(errors, /no such thing/);
    const refused = await runCli([...words, "--force"]);
    assert.match(refused.stderr, /--ssh goes with/);
  },
);
