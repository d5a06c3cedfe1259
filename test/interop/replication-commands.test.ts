// The administrator's end of replication, between nodes in processes of their own: who is copied, compared and queued.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { logIn, talk } from "../support/imap-peer.ts";
import { runCli, type CliResult } from "../support/run-cli.ts";
import { caughtUp, startSyncNode, type SyncNode } from "../support/sync-nodes.ts";

interface Nodes {
  readonly master: SyncNode;
  readonly replica: SyncNode;
  /** Also what fails. */
  readonly rookery: (...argv: string[]) => Promise<CliResult>;
}

/** carol, dave and erin; the channel `second` has carol and dave, and the node is a replica of dave. */
async function startNodes(t: TestContext): Promise<Nodes> {
  const replica = await startSyncNode(t, []);
  const port = replica.node.endpoint("csync").port;
  const master = await startSyncNode(t, [
    `replication.channels=second=127.0.0.1:${port};users=carol dave`,
    "replication.authname=root",
    "replication.password=root-secret",
    "replication.max_retry_delay=1s",
  ]);
  for (const name of ["carol", "dave", "erin"]) await master.cli("user", "add", name, "--password", name);
  await master.cli("replication", "role", "dave", "replica");
  return { master, replica, rookery: (...argv) => runCli([...argv, "--data", master.data]) };
}

async function listed({ crcs }: SyncNode, pattern: string): Promise<string> {
  return await talk(crcs.endpoint, crcs.admin, [`LIST "" "${pattern}"`]);
}

test(
  "replicate -A and --check of a channel keep to its users and to those of whom the node is master",
  { timeout: 240_000 },
  async (t) => {
    const { master, replica, rookery } = await startNodes(t);
    await caughtUp(master);
    const copied = await rookery("replicate", "-n", "second", "-A", "-v");
    assert.equal(copied.exitCode, 0, copied.stderr);
    assert.match(copied.stdout, /^1 user is equal on the replica\.\n\d users left out: another node's/);
    const there = await listed(replica, "user/%");
    assert.match(there, /user\/carol/);
    assert.doesNotMatch(there, /erin/);

    const checked = await rookery("replicate", "-n", "second", "-A", "--check", "--json");
    const answer = JSON.parse(checked.stdout) as Record<string, unknown>;
    assert.equal(checked.exitCode, 0, checked.stdout);
    assert.equal(answer["differences"], 0);
    assert.equal(answer["users"], 1);
    assert.ok(Number(answer["leftOut"]) >= 2);

    // Who is named is compared, whoever he is.
    const named = await rookery("replicate", "-n", "second", "-u", "erin", "--check");
    assert.match(named.stdout, /^user\.erin: missing on the replica\n/);
    assert.equal(named.exitCode, 1);
    const typo = await rookery("replicate", "-n", "second", "-u", "karol");
    assert.match(typo.stderr, /there is no user "karol" here/);
    assert.notEqual(typo.exitCode, 0);
  },
);

test(
  "replication queue: a user, a domain, those without mail for days; who is not there is said",
  { timeout: 240_000 },
  async (t) => {
    const { master, replica, rookery } = await startNodes(t);
    await caughtUp(master);
    const queue = (...argv: string[]): Promise<CliResult> => rookery("replication", "queue", ...argv);
    const refused = async (words: readonly string[], why: RegExp): Promise<void> => {
      const done = await queue(...words);
      assert.notEqual(done.exitCode, 0, done.stdout);
      assert.match(done.stderr, why);
    };
    // As after a loss that no entry of the feed tells of.
    const sent = (): Promise<string> => listed(replica, "user/carol/Sent");
    await replica.cli("mailbox", "delete", "user.carol.Sent");
    assert.doesNotMatch(await sent(), /^\* LIST/m);
    assert.equal((await queue("--user", "carol")).stdout, "1 put into the queue.\n");
    while (!/^\* LIST/m.test(await sent()));

    await refused(["--user", "karol"], /there is no user "karol" here/);
    await refused(["--user", "dave"], /no channel takes "dave": another node is his master/);
    await refused([], /name one of --user, --domain and --idle/);
    await refused(["--domain", "nowhere.test"], /nobody of "nowhere\.test" is here/);

    assert.equal((await queue("--domain", "example.test")).stdout, "1 put into the queue.\n");
    assert.equal((await queue("--idle", "1")).stdout, "1 put into the queue.\n");
    const user = await logIn(master.crcs.endpoint, "carol", "carol");
    await user.append("INBOX", "", Buffer.from("Subject: news\r\n\r\nbody\r\n"));
    await user.close();
    assert.equal((await queue("--idle", "1")).stdout, "0 put into the queue.\n");
    const alone = await runCli(["replication", "queue", "--user", "carol", "--data", replica.data]);
    assert.match(alone.stderr, /no channel is configured/);
  },
);
