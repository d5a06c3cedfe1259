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

async function accountOver(t: TestContext, options: FakeOptions, user = "alice"): Promise<Account> {
  const source = await startFakeSource({ capabilities: CAPABILITIES, ...options });
  const accounts = remoteAccounts(source.port);
  t.after(async () => {
    accounts.close();
    await source.close();
  });
  return accounts.open(user, "secret", "192.0.2.1", true);
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

test("what is kept of one user's mail is not shown to another whose UIDs are the same", async (t) => {
  for (const user of ["alice", "bob"]) {
    const body = Buffer.from(`Subject: to ${user}\r\n\r\nHi\r\n`);
    const folders = [{ name: "INBOX", uidValidity: 1, messages: [{ uid: 1, body, flags: "" }] }];
    const inbox = await (await accountOver(t, { folders }, user)).openMail("inbox");
    for await (const item of inbox.items([1 as Uid])) {
      assert.ok(item.failure === undefined);
      assert.equal((await item.read(0, 1_000)).toString(), body.toString());
      // Bodies that were converted and attachments are kept under it.
      assert.match(item.contentKey, new RegExp(user));
      // It is part of keys in PostgreSQL.
      assert.ok(!item.contentKey.includes("\0"));
    }
  }
});

test("a conversation is asked for by the server's thread id, as the server wrote it", async (t) => {
  const thread = "00112233445566aa";
  const asked: string[] = [];
  const line = '* 1 FETCH (UID 1 FLAGS () INTERNALDATE "01-Feb-2024 10:00:00 +0100" RFC822.SIZE 15 ';
  const account = await accountOver(t, {
    capabilities: `${CAPABILITIES} OBJECTID`,
    folders: [{ name: "INBOX", uidValidity: 1, messages: messages(1) }],
    answer(command) {
      if (command.includes("SEARCH") && command.includes("THREADID")) {
        asked.push(command);
        return "* SEARCH 1\r\nTAG OK done\r\n";
      }
      return command.includes("THREADID)") ? `${line}THREADID (Z${thread}))\r\nTAG OK done\r\n` : undefined;
    },
  });
  const query = { folderKey: undefined, withChildren: true, freeText: "", offset: 0, limit: 10 };
  const find = async (): Promise<number> =>
    (await account.searchMail({ ...query, conversation: thread })).total;
  assert.equal(await find(), 1);
  const inbox = await account.openMail("inbox");
  for await (const item of inbox.items([1 as Uid])) assert.equal("threadId" in item && item.threadId, thread);
  assert.equal(await find(), 1);
  assert.deepEqual(asked, [
    `UID SEARCH UNDELETED OR THREADID T${thread} THREADID ${thread}`,
    `UID SEARCH UNDELETED THREADID Z${thread}`,
  ]);
});

test("without thread ids on the server nobody asks for one", async (t) => {
  const account = await accountOver(t, {
    folders: [{ name: "INBOX", uidValidity: 1, messages: messages(1) }],
  });
  const query = { folderKey: undefined, withChildren: true, freeText: "", offset: 0, limit: 10 };
  assert.equal((await account.searchMail({ ...query, conversation: "00112233445566bb" })).total, 0);
});

test("a conversation that nobody remembers is looked for in the newest messages only", async (t) => {
  const asked: number[] = [];
  const account = await accountOver(t, {
    folders: [
      { name: "INBOX", uidValidity: 1, messages: messages(25_000) },
      { name: "Archive", uidValidity: 2, messages: messages(25_000) },
    ],
    answer(command) {
      const [, first, last] = /^UID FETCH (\d+):(\d+) .*HEADER\.FIELDS/.exec(command) ?? [];
      if (first === undefined) return undefined;
      for (let uid = Number(first); uid <= Number(last); uid += 1) asked.push(uid);
      return "TAG OK done\r\n";
    },
  });
  const query = { folderKey: undefined, withChildren: true, freeText: "", offset: 0, limit: 10 };
  const { total } = await account.searchMail({ ...query, conversation: "ee".repeat(16) });
  assert.equal(total, 0);
  assert.equal(asked.length, 20_000);
  assert.equal(Math.min(...asked), 15_001);
});
