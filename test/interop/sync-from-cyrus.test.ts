// A real Cyrus 3.6.1 master replicates to Rookery: sync_client over the csync port.
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

const CRCS = "/shared/vendor/cmu/cyrus-imapd/synccrcs";

interface Pair {
  readonly master: CyrusPeer;
  readonly replica: RunningNode;
  readonly user: ImapPeer;
  /** Runs sync_client for the user and compares every mailbox. */
  readonly sync: () => Promise<void>;
}

async function startPair(t: TestContext, transport: "csync" | "imap"): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), "rk-s"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, "data");
  const replica = await startUp(data, ["--password", "secret", "--set", "directory.allowplaintext=true"]);
  t.after(() => replica.stop());
  const added = await runCli(["user", "add", "repl", "--admin", "--data", data, "--password", "repl-secret"]);
  assert.equal(added.exitCode, 0, added.stderr);
  const { host, port } = replica.endpoint(transport);
  const cyrusFolder = mkdtempSync(join(tmpdir(), "rk-c"));
  t.after(() => rmSync(cyrusFolder, { recursive: true, force: true }));
  const master = await startCyrus({
    folder: cyrusFolder,
    users: { cyrus: "cyrus", u1: "u1", u2: "u2" },
    settings: {
      sync_host: host,
      sync_port: String(port),
      sync_authname: "repl",
      sync_password: "repl-secret",
      sync_try_imap: transport === "imap" ? "yes" : "no",
      sync_log: "yes",
      // Its IMAP client gives up after SCRAM's last challenge.
      force_sasl_client_mech: "PLAIN",
    },
  });
  t.after(() => master.stop());
  await master.create("user/u1");
  const user = await logIn({ host: "127.0.0.1", port: master.ports["imap"] ?? 0 }, "u1", "u1");
  t.after(() => user.close().catch(() => undefined));
  const sync = async (): Promise<void> => {
    const output = await master.tool("sync_client", "-v", "-v", "-u", "u1");
    assert.doesNotMatch(output, /Error|error:|NO |BAD /, output);
    await compare(master, replica);
  };
  return { master, replica, user, sync };
}

/** Mailbox → its sync CRCs, as administrators read them. */
async function crcsOf(
  endpoint: { host: string; port: number },
  login: [string, string],
): Promise<Map<string, string>> {
  const listed = await talk(endpoint, login, ['LIST "" "user/u1*"']);
  const names = [...listed.matchAll(/^\* LIST \([^)]*\) "\/" "?([^"\r\n]*)"?\r$/gm)].map(
    (found) => found[1]!,
  );
  const commands = names.map((name) => `GETMETADATA "${name}" ${CRCS}`);
  const answers = await talk(endpoint, login, commands);
  const crcs = [...answers.matchAll(/synccrcs"? "(\d+ \d+)"/g)].map((found) => found[1]!);
  assert.equal(crcs.length, names.length, answers);
  return new Map(names.map((name, index) => [name, crcs[index]!]));
}

async function compare(master: CyrusPeer, replica: RunningNode): Promise<void> {
  const here = await crcsOf({ host: "127.0.0.1", port: master.ports["imap"] ?? 0 }, ["cyrus", "cyrus"]);
  const there = await crcsOf(replica.endpoint("imap"), ["repl", "repl-secret"]);
  assert.ok(here.size > 0);
  // Order does not count.
  assert.deepEqual(there, here);
}

for (const transport of ["csync", "imap"] as const) {
  test(
    `sync_client -u over ${transport}: a user, then each kind of change`,
    { timeout: 240_000 },
    async (t) => {
      if (!(await peerOrSkip(t, "cyrus"))) return;
      const { user, sync } = await startPair(t, transport);
      await user.append("INBOX", "\\Seen", Buffer.from("Subject: one\r\n\r\nbody\r\n"));
      await user.append("INBOX", "\\Flagged $Label1", Buffer.from("Subject: two\r\n\r\nbody\r\n"));
      await user.append("INBOX", "", Buffer.from(`Subject: large\r\n\r\n${"x".repeat(998)}\r\n`.repeat(600)));
      await user.ok("CREATE Drafts (USE (\\Drafts))");
      await user.ok('CREATE "Gr&APwA3w-e"');
      await user.ok("SUBSCRIBE INBOX");
      await sync();
      const steps: readonly (readonly string[])[] = [
        ["SELECT INBOX", "STORE 1 +FLAGS (\\Answered NewKw)"],
        ["COPY 1:2 Drafts"],
        ["STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"],
        ["MOVE 1 Drafts"],
        ["CREATE Two", "RENAME Two Three", "SUBSCRIBE Three"],
        ["UNSUBSCRIBE INBOX", "DELETE Three"],
        ['SETMETADATA Drafts (/private/comment "mine")'],
        ["SETACL Drafts u2 lrs"],
        ['STORE 1 ANNOTATION (/comment (value.priv "note one" value.shared "all"))'],
      ];
      for (const step of steps) {
        for (const command of step) await user.ok(command);
        await sync();
      }
    },
  );
}
