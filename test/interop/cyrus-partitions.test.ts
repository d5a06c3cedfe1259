// A Cyrus 3.6.1 master whose mail is on other partitions: those that sync.partitions names are taken, the others refused.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { logIn, talk } from "../support/imap-peer.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { startSyncNode } from "../support/sync-nodes.ts";

const CRCS = "/shared/vendor/cmu/cyrus-imapd/synccrcs";

test(
  "mailboxes of a named partition come, follow and go back in a conflict",
  { timeout: 240_000 },
  async (t) => {
    if (!(await peerOrSkip(t, "cyrus"))) return;
    const replica = await startSyncNode(t, ["sync.partitions=fast"]);
    const folder = mkdtempSync(join(tmpdir(), "rk-c"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const master = await startCyrus({
      folder,
      users: { cyrus: "cyrus", u1: "u1" },
      settings: {
        defaultpartition: "fast",
        // No "default" at all: what the replica calls so must not come back.
        "partition-default": "",
        "partition-fast": `${folder}/spool/fast`,
        "partition-slow": `${folder}/spool/slow`,
        sync_host: "127.0.0.1",
        sync_port: String(replica.node.endpoint("csync").port),
        sync_authname: "root",
        sync_password: "root-secret",
        sync_try_imap: "no",
        force_sasl_client_mech: "PLAIN",
      },
    });
    t.after(() => master.stop());
    const there = { host: "127.0.0.1", port: master.ports["imap"] ?? 0 };
    await master.create("user/u1", "user/u1/Archive", "user/u2 slow");
    const sync = (...more: string[]): Promise<string> =>
      master.tool("sync_client", "-v", "-v", ...more, "-u", "u1");
    const crcsOf = async (mailbox: string): Promise<string[]> => {
      const command = [`GETMETADATA "${mailbox}" ${CRCS}`];
      const answers = [
        await talk(there, ["cyrus", "cyrus"], command),
        await talk(replica.crcs.endpoint, replica.crcs.admin, command),
      ];
      return answers.map((answer) => /synccrcs"? "(\d+ \d+)"/.exec(answer)?.[1] ?? "none");
    };
    const assertEqual = async (): Promise<void> => {
      for (const mailbox of ["user/u1", "user/u1/Archive"]) {
        const [own, other] = await crcsOf(mailbox);
        assert.notEqual(own, "none");
        assert.equal(other, own, mailbox);
      }
    };

    const user = await logIn(there, "u1", "u1");
    for (const name of ["one", "two", "three"]) {
      await user.append("INBOX", "\\Seen", Buffer.from(`Subject: ${name}\r\n\r\nbody\r\n`));
    }
    await sync();
    await assertEqual();

    // Nothing is renamed for its partition each time: it is the same here; changes, copies and renames follow.
    for (const command of ["SELECT INBOX", "STORE 1 +FLAGS (kw)", "COPY 1:2 Archive", "UNSELECT"]) {
      await user.ok(command);
    }
    await user.ok("RENAME Archive Kept");
    await sync();
    await user.ok("RENAME Kept Archive");
    await sync();
    await assertEqual();
    const quiet = await sync();
    assert.doesNotMatch(quiet, />APPLY /, quiet);

    // A message that only the replica has: the master asks for it with its own partition.
    const write = await logIn(replica.crcs.endpoint, "root", "root-secret");
    await write.ok("SETACL user/u1 root lrswipkxtecda");
    await write.append("user/u1", "", Buffer.from("Subject: only there\r\n\r\nbody\r\n"));
    await write.close();
    await sync();
    await sync();
    await assertEqual();
    assert.match(await talk(there, ["u1", "u1"], ["STATUS INBOX (MESSAGES)"]), /MESSAGES 4/);
    await user.close();

    // Cyrus gives up on such a user, and says why.
    const refused = master.tool("sync_client", "-v", "-v", "-u", "u2");
    await assert.rejects(refused, /NO response: Unknown\/invalid partition/);
    assert.ok(replica.node.log.some((line) => line.includes("sync.partitions") && line.includes('"slow"')));
    const listed = await talk(replica.crcs.endpoint, replica.crcs.admin, ['LIST "" "user/u2*"']);
    assert.doesNotMatch(listed, /^\* LIST/m);
  },
);
