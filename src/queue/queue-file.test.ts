import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { QueuedMail } from "./mail.ts";
import { QueueDatabase } from "./queue-database.ts";
import { QueueFile } from "./queue-file.ts";

const MAIL: QueuedMail = {
  kind: "redirect",
  userId: "alice",
  sender: "bob@remote.test",
  recipient: "carol@there.test",
  bytes: Buffer.from("Subject: Hi\r\n\r\n\xff\r\n", "latin1"),
  once: undefined,
};

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "rookery-queue-"));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test("QueueFile: what resolved can be read at once and is there for the next process", async (t) => {
  const folder = newFolder(t);
  const file = new QueueFile(folder, new QueueDatabase(folder));
  const once = { key: "k", seconds: 60 };
  const added = await Promise.all([
    file.writer.add(MAIL, 1_000),
    file.writer.add({ ...MAIL, once }, 1_000),
    file.writer.add({ ...MAIL, once }, 1_000),
  ]);
  assert.deepEqual(added, [true, true, false]);
  assert.equal(file.writer.count, 2);
  assert.deepEqual(file.database.body(1), MAIL.bytes);
  assert.equal(file.database.isRemembered("alice", "k", 2), true);
  assert.equal(
    await file.writer.remove(1, 2_000, [{ ...MAIL, kind: "report", recipient: "bob@remote.test" }]),
    true,
  );
  assert.equal(await file.writer.remove(1, 2_000), false);
  assert.equal(file.writer.count, 2);
  await file.close();
  const again = new QueueDatabase(folder);
  assert.deepEqual(
    again.list(0, 10).map(({ id, kind }) => `${id} ${kind}`),
    ["2 redirect", "3 report"],
  );
  again.close();
});

test("QueueFile: a change that fails takes only itself back", async (t) => {
  const folder = newFolder(t);
  const file = new QueueFile(folder, new QueueDatabase(folder));
  // Its row is in, then its body is none.
  const broken = { ...MAIL, bytes: undefined } as unknown as QueuedMail;
  const results = await Promise.allSettled([
    file.writer.add(MAIL, 1_000),
    file.writer.add(broken, 1_000),
    file.writer.remember("alice", "k", 60),
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  assert.equal(file.writer.count, 1);
  assert.equal(file.database.list(0, 10).length, 1);
  await file.close();
  await assert.rejects(file.writer.add(MAIL, 1_000), /thread ended|closed/);
});

test("QueueFile: changes asked for before the end are on disk, without any no thread is started", async (t) => {
  const folder = newFolder(t);
  const idle = new QueueFile(folder, new QueueDatabase(folder));
  await idle.close();
  const file = new QueueFile(folder, new QueueDatabase(folder));
  const all = Array.from({ length: 600 }, () => file.writer.add(MAIL, 1_000));
  await file.close();
  assert.ok((await Promise.all(all)).every(Boolean));
  const again = new QueueDatabase(folder);
  assert.equal(again.count, 600);
  again.close();
});
