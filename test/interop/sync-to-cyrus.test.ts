// Rookery is the master of a real Cyrus 3.6.1 replica: `rookery replicate` to its csync port, and inside IMAP.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { logIn, talk, type ImapPeer } from "../support/imap-peer.ts";
import { startCyrus, type CyrusPeer } from "../support/peers/cyrus.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { runCli } from "../support/run-cli.ts";
import { startUp, type RunningNode } from "../support/running-node.ts";
import { assertEqualCrcs, type CrcServer } from "../support/sync-compare.ts";

interface Pair {
  readonly master: RunningNode;
  readonly replica: CyrusPeer;
  readonly masterServer: CrcServer;
  readonly replicaServer: CrcServer;
  /** alice at the master. */
  readonly user: ImapPeer;
  /** Runs the command for alice; its output. */
  readonly run: (...words: string[]) => Promise<string>;
  /** Replicates alice and compares. */
  readonly sync: (...words: string[]) => Promise<string>;
}

type Transport = "csync" | "imap";

async function startPair(t: TestContext, transport: Transport): Promise<Pair> {
  const cyrusFolder = mkdtempSync(join(tmpdir(), "rk-c"));
  t.after(() => rmSync(cyrusFolder, { recursive: true, force: true }));
  const replica = await startCyrus({
    folder: cyrusFolder,
    users: { cyrus: "cyrus", alice: "alice" },
    settings: { virtdomains: "off" },
  });
  t.after(() => replica.stop());
  const folder = mkdtempSync(join(tmpdir(), "rk-s"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "data");
  const settings = [
    "directory.allowplaintext=true",
    "replication.authname=cyrus",
    "replication.password=cyrus",
    // Both forms of it are seen: the csync port in the clear, IMAP compressed.
    `replication.compress=${transport === "imap"}`,
  ];
  const words = ["--password", "secret", ...settings.flatMap((setting) => ["--set", setting])];
  const master = await startUp(data, words);
  t.after(() => master.stop());
  const added = await runCli(["user", "add", "root", "--admin", "--data", data, "--password", "root-secret"]);
  assert.equal(added.exitCode, 0, added.stderr);
  const user = await logIn(master.endpoint("imap"), "alice", "secret");
  t.after(() => user.close().catch(() => undefined));
  const run: Pair["run"] = async (...more) => {
    const server = ["-s", `127.0.0.1:${replica.ports[transport] ?? 0}`];
    if (transport === "imap") server.push("--imap");
    const done = await runCli(["replicate", ...server, "-u", "alice", "--data", data, ...more]);
    assert.equal(done.exitCode, 0, `${more.join(" ")}\n${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  const masterServer: CrcServer = { endpoint: master.endpoint("imap"), admin: ["root", "root-secret"] };
  const replicaServer: CrcServer = {
    endpoint: { host: "127.0.0.1", port: replica.ports["imap"] ?? 0 },
    admin: ["cyrus", "cyrus"],
  };
  const sync: Pair["sync"] = async (...more) => {
    const output = await run("-v", "-v", ...more);
    await assertEqualCrcs(masterServer, replicaServer, "alice");
    return output;
  };
  return { master, replica, masterServer, replicaServer, user, run, sync };
}

for (const transport of ["csync", "imap"] as const) {
  test(
    `rookery replicate makes a Cyrus replica equal, after each kind of change (${transport})`,
    { timeout: 240_000 },
    async (t) => {
      if (!(await peerOrSkip(t, "cyrus"))) return;
      const { user, run, sync, replicaServer } = await startPair(t, transport);
      await user.append("INBOX", "\\Seen", Buffer.from("Subject: one\r\n\r\nbody\r\n"));
      await user.append("INBOX", "\\Flagged $Label1", Buffer.from("Subject: two\r\n\r\nbody\r\n"));
      await user.ok("CREATE Work");
      // One upload serves both mailboxes.
      await user.ok("SELECT INBOX");
      await user.ok("COPY 1:2 Work");
      await user.ok('CREATE "Gr&APwA3w-e"');
      await user.ok("CREATE Deep/Er");
      await user.ok("SUBSCRIBE INBOX");
      const first = await sync();
      assert.match(first, /CREATE user\.alice [\s\S]*UPLOAD \[\d+ msgs\]/);
      assert.doesNotMatch(first, /RESERVE/);
      assert.equal(await sync(), "USER alice\nENDUSER\n1 user is equal on the replica.\n");
      const steps: readonly (readonly string[])[] = [
        ["SELECT INBOX", "STORE 1 +FLAGS (\\Answered NewKw)"],
        ["COPY 1:2 Work"],
        ["STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"],
        ["MOVE 1 Work"],
        ["CREATE Two", "RENAME Two Three", "SUBSCRIBE Three"],
        ["CREATE A", "CREATE B", "RENAME A C", "RENAME B A", "RENAME C B"],
        ["UNSUBSCRIBE INBOX", "DELETE Three"],
        ['SETMETADATA Work (/private/comment "mine")'],
        ["SETACL Work bob lrs"],
      ];
      for (const step of steps) {
        for (const command of step) await user.ok(command);
        const output = await sync();
        if (step[0]?.startsWith("COPY") === true) assert.doesNotMatch(output, /UPLOAD/);
      }
      assert.equal(await run("--check"), "The replica is equal.\n");
      // Every message is looked at, and nothing is found.
      assert.equal(await sync("--full"), "USER alice\nENDUSER\n1 user is equal on the replica.\n");
      const rights = await talk(replicaServer.endpoint, replicaServer.admin, ["GETACL user/alice/Work"]);
      assert.match(rights, /bob lrs/);
    },
  );

  test(`both sides changed: the outcome is Cyrus's (${transport})`, { timeout: 240_000 }, async (t) => {
    if (!(await peerOrSkip(t, "cyrus"))) return;
    const { user, sync, replica } = await startPair(t, transport);
    for (const name of ["one", "two", "three"]) {
      await user.append("INBOX", "", Buffer.from(`Subject: ${name}\r\n\r\nx\r\n`));
    }
    await sync();
    const there = await logIn({ host: "127.0.0.1", port: replica.ports["imap"] ?? 0 }, "alice", "alice");
    t.after(() => there.close().catch(() => undefined));
    await user.ok("SELECT INBOX");
    await there.ok("SELECT INBOX");
    await user.ok("STORE 1 +FLAGS (\\Answered)");
    await there.ok("STORE 1 +FLAGS (\\Flagged RepKw)");
    await there.ok("STORE 1 +FLAGS (\\Draft)");
    await sync();
    await there.ok("STORE 2 +FLAGS (\\Deleted)");
    await there.ok("EXPUNGE");
    await there.append("INBOX", "", Buffer.from("Subject: only there\r\n\r\nx\r\n"));
    await sync();
    await user.append("INBOX", "", Buffer.from("Subject: mastermsg\r\n\r\nx\r\n"));
    await there.append("INBOX", "", Buffer.from("Subject: repmsg\r\n\r\nx\r\n"));
    await there.append("INBOX", "", Buffer.from("Subject: repmsg2\r\n\r\nx\r\n"));
    await sync();
    await sync();
  });
}
