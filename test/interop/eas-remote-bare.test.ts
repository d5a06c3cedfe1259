// The gateway over an IMAP server without CONDSTORE, and over one that hangs up in the middle.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Uid } from "../../src/base/numbers.ts";
import { type Account, PartlyMovedError } from "../../src/eas/account/port.ts";
import { Cursor } from "../../src/eas/cursor/cursor.ts";
import { planBatch } from "../../src/eas/cursor/plan.ts";
import { remoteAccounts } from "../support/eas-remote.ts";
import { type FakeOptions, startFakeSource } from "../support/fake-imap-source.ts";

const CAPABILITIES = "IMAP4rev1 LITERAL+ SASL-IR AUTH=PLAIN UIDPLUS MOVE LIST-STATUS";
const messages = (count: number): FakeOptions["folders"][number]["messages"] =>
  Array.from({ length: count }, (_, at) => ({
    uid: at + 1,
    body: Buffer.from(`Subject: ${at}\r\n\r\nHi\r\n`),
    flags: "",
  }));

async function accountOver(t: TestContext, options: FakeOptions): Promise<Account> {
  const source = await startFakeSource({ capabilities: CAPABILITIES, ...options });
  const accounts = remoteAccounts(source.port);
  t.after(async () => {
    accounts.close();
    await source.close();
  });
  return accounts.open("alice", "secret", "192.0.2.1", true);
}

test("a category on a server without CONDSTORE is noticed when the folder is looked at", async (t) => {
  const inbox = { name: "INBOX", uidValidity: 1, messages: messages(3), highestModseq: 0 };
  const account = await accountOver(t, { folders: [inbox] });
  let cursor = Cursor.start(0, 0);
  const look = async (): Promise<(readonly [number, ...string[]])[]> => {
    const collection = await account.openMail("inbox");
    assert.equal(collection.highestModseq, 0);
    cursor = Cursor.decode(cursor.encode());
    const plan = await planBatch(cursor, collection, { since: 0, window: 10 });
    for (const state of await collection.states(plan.adds as Uid[])) cursor.sent(state);
    return plan.changes.map(({ uid, keywords }) => [uid, ...keywords]);
  };
  await look();
  assert.equal(cursor.known.count, 3);
  inbox.messages[1]!.flags = "Work";
  assert.deepEqual(await look(), [[2, "Work"]]);
  assert.deepEqual(await look(), []);
  inbox.messages[1]!.flags = "";
  assert.deepEqual(await look(), [[2]]);
});

test("what was moved before the server hung up is known", async (t) => {
  const first = Array.from({ length: 500 }, (_, at) => at + 1);
  let moves = 0;
  const account = await accountOver(t, {
    folders: [
      { name: "INBOX", uidValidity: 1, messages: messages(600) },
      { name: "Trash", uidValidity: 2, messages: [] },
    ],
    answer(command) {
      if (!command.startsWith("UID MOVE ")) return undefined;
      moves += 1;
      if (moves > 1) return "hang up";
      return "* OK [COPYUID 2 1:500 1001:1500] moved\r\nTAG OK done\r\n";
    },
  });
  const inbox = await account.openMail("inbox");
  const trash = (await account.folders()).find(({ use }) => use === "trash");
  const all = Array.from({ length: 600 }, (_, at) => at + 1) as Uid[];
  await assert.rejects(inbox.move(all, trash?.key ?? ""), (error) => {
    assert.ok(error instanceof PartlyMovedError);
    assert.equal(error.code, "unavailable");
    assert.deepEqual(
      [...error.moved],
      first.map((uid) => [uid, uid + 1000]),
    );
    return true;
  });
});
