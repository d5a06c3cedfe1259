// Both sides of a mailbox have changed: what comes out is what two real Cyrus 3.6.1 servers make of it, whichever end
// Rookery is. Each conflict is a mailbox of its own; the same commands run against every pair.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { logIn, type ImapPeer } from "../support/imap-peer.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { runCli } from "../support/run-cli.ts";
import { raiseUidValidity } from "../support/raise-uidvalidity.ts";
import { startSyncNode } from "../support/sync-nodes.ts";
import { readAll, type ReadServer } from "../support/sync-read.ts";

type Kind = "cyrus" | "rookery";

interface End {
  readonly server: ReadServer;
  readonly csyncPort: number;
  /** Replicates u1 to another end; false when it was refused. */
  readonly sync: (to: End) => Promise<boolean>;
  /** Lets u1 log in, when the end is a replica that has his mailboxes. */
  readonly welcome: () => Promise<void>;
}

/** Commands for each side; `+ text` appends a message. The mailbox is selected. */
interface Conflict {
  readonly name: string;
  readonly master: readonly string[];
  readonly replica: readonly string[];
  /** How much higher the UIDVALIDITY becomes on a side, before the commands. */
  readonly raised?: { readonly master?: number; readonly replica?: number };
}

/** The later change is always the replica's, so that nothing hangs on which second it is. */
const CONFLICTS: readonly Conflict[] = [
  {
    name: "FlagsReplicaWins",
    master: ["STORE 1 +FLAGS (\\Answered MasterKw)"],
    replica: ["STORE 1 +FLAGS (\\Flagged RepKw)", "STORE 1 +FLAGS (\\Draft)"],
  },
  {
    name: "FlagsMasterWins",
    master: ["STORE 1 +FLAGS (\\Answered)", "STORE 1 +FLAGS (\\Flagged)", "STORE 1 +FLAGS (MasterKw)"],
    replica: ["STORE 1 +FLAGS (\\Draft)"],
  },
  {
    name: "FlagsOfDifferentMessages",
    master: ["STORE 1 +FLAGS (\\Answered)"],
    replica: ["STORE 2 +FLAGS (\\Flagged)", "STORE 3 +FLAGS (\\Seen)"],
  },
  {
    name: "ExpungedOnMaster",
    master: ["STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"],
    replica: ["STORE 1 +FLAGS (\\Flagged)", "STORE 1 +FLAGS (\\Draft)", "STORE 1 +FLAGS (\\Answered)"],
  },
  {
    name: "ExpungedOnReplica",
    master: ["STORE 1 +FLAGS (\\Flagged)"],
    replica: ["STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"],
  },
  {
    name: "ExpungedOnBoth",
    master: ["STORE 2 +FLAGS (\\Deleted)", "EXPUNGE"],
    replica: ["STORE 2 +FLAGS (\\Deleted)", "STORE 3 +FLAGS (\\Seen)", "EXPUNGE"],
  },
  { name: "OnlyOnReplica", master: [], replica: ["+ only there", "+ and this"] },
  { name: "OneEach", master: ["+ of the master"], replica: ["+ of the replica"] },
  {
    name: "OneAndTwo",
    master: ["+ of the master"],
    replica: ["+ of the replica", "+ second of the replica"],
  },
  { name: "TwoAndOne", master: ["+ of the master", "+ second of the master"], replica: ["+ of the replica"] },
  {
    name: "GoneAndOther",
    master: ["+ gone again", "STORE 4 +FLAGS (\\Deleted)", "EXPUNGE", "+ after it"],
    replica: ["+ of the replica"],
  },
  {
    name: "OtherAndGone",
    master: ["+ of the master"],
    replica: ["+ gone again", "STORE 4 +FLAGS (\\Deleted)", "EXPUNGE", "+ after it"],
  },
  {
    name: "SameMessageOnBoth",
    master: ["+ the same"],
    replica: ["+ the same", "STORE 4 +FLAGS (\\Seen)"],
  },
  {
    name: "Annotations",
    master: ['STORE 1 ANNOTATION (/comment (value.priv "of the master"))'],
    replica: [
      'STORE 1 ANNOTATION (/comment (value.priv "of the replica" value.shared "all"))',
      "STORE 1 +FLAGS (\\Seen)",
      "STORE 1 +FLAGS (\\Draft)",
    ],
  },
  {
    name: "Everything",
    master: ["STORE 1 +FLAGS (\\Flagged)", "STORE 2 +FLAGS (\\Deleted)", "EXPUNGE", "+ one", "+ two"],
    replica: ["+ three", "STORE 3 +FLAGS (kw)", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE", "+ four", "+ five"],
  },
  { name: "ValidityOfMaster", master: [], replica: [], raised: { master: 1000 } },
  { name: "ValidityOfReplica", master: [], replica: [], raised: { replica: 1000 } },
  {
    name: "ValidityOfMasterAndChanges",
    master: ["STORE 1 +FLAGS (\\Answered)", "+ of the master"],
    replica: ["STORE 2 +FLAGS (\\Flagged)", "STORE 1 +FLAGS (\\Draft)", "+ of the replica"],
    raised: { master: 1000 },
  },
  {
    name: "ValidityOfReplicaAndChanges",
    master: ["STORE 1 +FLAGS (\\Answered)", "+ of the master"],
    replica: ["STORE 2 +FLAGS (\\Flagged)", "STORE 1 +FLAGS (\\Draft)", "+ of the replica"],
    raised: { replica: 1000 },
  },
  {
    name: "ValidityOfReplicaNewOnMaster",
    master: ["+ of the master", "STORE 2 +FLAGS (\\Deleted)", "EXPUNGE"],
    replica: [],
    raised: { replica: 1000 },
  },
  {
    name: "ValidityOfMasterNewOnReplica",
    master: [],
    replica: ["+ of the replica", "STORE 2 +FLAGS (\\Deleted)", "EXPUNGE"],
    raised: { master: 1000 },
  },
  { name: "ValidityOfBothMaster", master: ["+ new"], replica: [], raised: { master: 2000, replica: 1000 } },
  { name: "ValidityOfBothReplica", master: ["+ new"], replica: [], raised: { master: 1000, replica: 2000 } },
];

const SETTINGS = { virtdomains: "off", sync_try_imap: "no", sync_authname: "cyrus", sync_password: "cyrus" };

async function startEnd(t: TestContext, kind: Kind, to: End | undefined): Promise<End> {
  return kind === "cyrus" ? await startCyrusEnd(t, to) : await startRookeryEnd(t);
}

async function startCyrusEnd(t: TestContext, to: End | undefined): Promise<End> {
  const folder = mkdtempSync(join(tmpdir(), "rk-c"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const target: Record<string, string> =
    to === undefined ? {} : { sync_host: "127.0.0.1", sync_port: String(to.csyncPort) };
  const users = { cyrus: "cyrus", u1: "u1" };
  const peer = await startCyrus({ folder, users, settings: { ...SETTINGS, ...target } });
  t.after(() => peer.stop());
  if (to !== undefined) await peer.create("user/u1");
  return {
    server: { endpoint: { host: "127.0.0.1", port: peer.ports["imap"] ?? 0 }, login: ["u1", "u1"] },
    csyncPort: peer.ports["csync"] ?? 0,
    async sync() {
      try {
        await peer.tool("sync_client", "-u", "u1");
        return true;
      } catch {
        return false;
      }
    },
    welcome: () => Promise.resolve(),
  };
}

async function startRookeryEnd(t: TestContext): Promise<End> {
  const node = await startSyncNode(t, [
    "replication.authname=cyrus",
    "replication.password=cyrus",
    "delivery.autocreate_folders=",
  ]);
  await node.cli("user", "add", "cyrus", "--admin", "--password", "cyrus");
  const welcome = async (): Promise<void> => void (await node.cli("user", "add", "u1", "--password", "u1"));
  return {
    server: { endpoint: node.crcs.endpoint, login: ["u1", "u1"] },
    csyncPort: node.node.endpoint("csync").port,
    async sync({ csyncPort }) {
      const words = ["replicate", "-s", `127.0.0.1:${csyncPort}`, "-u", "u1", "--data", node.data];
      return (await runCli(words)).exitCode === 0;
    },
    welcome,
  };
}

async function change(peer: ImapPeer, name: string, commands: readonly string[]): Promise<void> {
  await peer.ok(`SELECT "${name}"`);
  for (const command of commands) {
    if (command.startsWith("+ ")) {
      await peer.append(name, "", Buffer.from(`Subject: ${command.slice(2)}\r\n\r\nx\r\n`));
      // Selected again, so that numbers are those of the new message, too.
      await peer.ok("NOOP");
    } else await peer.ok(command);
  }
  await peer.ok("UNSELECT");
}

/** Mailbox → its UIDVALIDITY. */
async function validitiesOf(server: ReadServer): Promise<ReadonlyMap<string, number>> {
  const all = [...(await readAll(server))].map(([name, lines]) => [name, validityIn(lines) ?? 0] as const);
  return new Map(all.filter(([name]) => !name.startsWith("* ")));
}

function validityIn(lines: readonly string[]): number | undefined {
  const line = lines.find((each) => each.startsWith("UIDVALIDITY "));
  return line === undefined ? undefined : Number(line.split(" ")[1]);
}

/**
 * Mailbox → its messages: UID, flags, dates, annotations, bytes; and by how much its UIDVALIDITY is higher than after the
 * first copy. Its value, and modseqs, are each pair's own.
 */
async function outcome(
  server: ReadServer,
  before: ReadonlyMap<string, number>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const all = [...(await readAll(server))].map(([name, lines]) => {
    const messages = lines.filter((line) => !/^(HIGHESTMODSEQ|UIDVALIDITY|\/private)/.test(line));
    const first = before.get(name);
    const raised = first === undefined ? [] : [`UIDVALIDITY +${(validityIn(lines) ?? 0) - first}`];
    return [name, [...raised, ...messages]] as const;
  });
  return Object.fromEntries(all.filter(([name]) => !name.startsWith("* ")));
}

interface Outcome {
  readonly master: Readonly<Record<string, readonly string[]>>;
  readonly replica: Readonly<Record<string, readonly string[]>>;
  readonly wasRefused: boolean;
}

async function play(t: TestContext, masterKind: Kind, replicaKind: Kind): Promise<Outcome> {
  const replica = await startEnd(t, replicaKind, undefined);
  const master = await startEnd(t, masterKind, replica);
  if (masterKind === "rookery") await master.welcome();
  const here = await logIn(master.server.endpoint, "u1", "u1");
  for (const { name } of CONFLICTS) {
    await here.ok(`CREATE ${name}`);
    for (const text of ["one", "two", "three"]) {
      await here.append(name, "", Buffer.from(`Subject: ${text} in ${name}\r\n\r\nx\r\n`));
    }
  }
  for (const name of ["Deleted", "Renamed"]) await here.ok(`CREATE ${name}`);
  assert.ok(await master.sync(replica), "first copy");
  if (replicaKind === "rookery") await replica.welcome();
  const before = await validitiesOf(master.server);
  assert.deepEqual(await validitiesOf(replica.server), before);
  const there = await logIn(replica.server.endpoint, "u1", "u1");
  const raise = async ({ csyncPort }: End, name: string, by = 0): Promise<void> => {
    if (by > 0) await raiseUidValidity({ port: csyncPort, admin: ["cyrus", "cyrus"] }, `user.u1.${name}`, by);
  };
  for (const { name, master: ofMaster, replica: ofReplica, raised } of CONFLICTS) {
    await raise(master, name, raised?.master);
    await raise(replica, name, raised?.replica);
    await change(here, name, ofMaster);
    await change(there, name, ofReplica);
  }
  assert.ok(await master.sync(replica), "conflicts");
  // Names: deleted or renamed here, changed there; made there only; made on both sides, empty there.
  await change(there, "Deleted", ["+ into what goes"]);
  await change(there, "Renamed", ["+ into what is renamed"]);
  await here.ok("DELETE Deleted");
  await here.ok("RENAME Renamed Name2");
  await there.ok("CREATE OnlyThere");
  await here.ok("CREATE Both");
  await there.ok("CREATE Both");
  await change(here, "Both", ["+ here"]);
  assert.ok(await master.sync(replica), "names");
  assert.ok(await master.sync(replica), "once more");
  const settled = {
    master: await outcome(master.server, before),
    replica: await outcome(replica.server, before),
  };
  // Two mailboxes of one name with mail in both: neither is touched.
  await here.ok("CREATE Moved");
  await there.ok("CREATE Moved");
  await change(here, "Moved", ["+ here"]);
  await change(there, "Moved", ["+ there"]);
  const wasRefused = !(await master.sync(replica));
  const [after, afterThere] = [await outcome(master.server, before), await outcome(replica.server, before)];
  await Promise.all([here.close(), there.close()]);
  return {
    master: { ...settled.master, Moved: after["Moved"] ?? [] },
    replica: { ...settled.replica, Moved: afterThere["Moved"] ?? [] },
    wasRefused,
  };
}

test(
  "split brain: whoever is master or replica, the outcome is that of two Cyruses",
  { timeout: 600_000 },
  async (t) => {
    if (!(await peerOrSkip(t, "cyrus"))) return;
    const expected = await play(t, "cyrus", "cyrus");
    assert.ok(expected.wasRefused);
    for (const { name, raised } of CONFLICTS) {
      const highest = `UIDVALIDITY +${Math.max(raised?.master ?? 0, raised?.replica ?? 0)}`;
      assert.deepEqual([expected.master[name]?.[0], expected.replica[name]?.[0]], [highest, highest], name);
    }
    assert.deepEqual(Object.keys(expected.replica).length, Object.keys(expected.master).length + 1);
    for (const [masterKind, replicaKind] of [
      ["rookery", "cyrus"],
      ["cyrus", "rookery"],
      ["rookery", "rookery"],
    ] as const) {
      await t.test(`${masterKind} to ${replicaKind}`, async () => {
        assert.deepEqual(await play(t, masterKind, replicaKind), expected);
      });
    }
  },
);
