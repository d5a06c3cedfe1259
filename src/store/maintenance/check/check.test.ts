/** Stores that were damaged on purpose: everything is found, what can be mended is mended, what is lost is named. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { type FilledStore, withFilledStore } from "../../../../test/support/filled-store.ts";
import type { Finding, RepairPlan } from "./finding.ts";

async function check(filled: FilledStore): Promise<{ found: Finding[]; plan: RepairPlan }> {
  const found: Finding[] = [];
  const plan = await filled.store.maintenance.check({}, (event) => {
    if (event.kind === "finding") found.push(event.finding);
  });
  return { found, plan };
}

/** Changes the folder while no store has it open. */
async function damage(filled: FilledStore, change: (folder: string) => void): Promise<void> {
  await filled.close();
  change(filled.folder);
  await filled.open();
}

function sql(...statements: readonly string[]): (folder: string) => void {
  return (folder) => {
    const database = new Database(join(folder, "index.sqlite"));
    for (const statement of statements) database.exec(statement);
    database.close();
  };
}

async function repair(filled: FilledStore, plan: RepairPlan): Promise<string[]> {
  const said: string[] = [];
  await filled.store.maintenance.repair(plan, (text) => said.push(text));
  const after = await check(filled);
  assert.deepEqual(
    after.found.filter((finding) => finding.repair !== undefined),
    [],
    "something is still to be repaired",
  );
  return said;
}

const CASES: readonly (readonly [what: string, statement: string, kinds: readonly string[]])[] = [
  ["counters", "UPDATE mailboxes SET exists_count = 7, unseen = 3", ["counters_wrong"]],
  ["size", "UPDATE mailboxes SET size_bytes = 1", ["counters_wrong"]],
  ["CRCs", "UPDATE mailboxes SET sync_crc = 1, sync_crc_annot = 2", ["crc_wrong"]],
  ["highest modseq", "UPDATE mailboxes SET highest_modseq = 2", ["counters_wrong"]],
  ["last UID", "UPDATE mailboxes SET last_uid = 2", ["counters_wrong"]],
  ["quarantine", "UPDATE mailboxes SET quarantined = 1", ["quarantined"]],
  ["a lost summary", "DELETE FROM summaries WHERE key % 4294967296 = 5", ["summary_wrong"]],
  [
    "a wrong summary",
    "UPDATE summaries SET bytes = (SELECT bytes FROM summaries LIMIT 1) WHERE key % 4294967296 = 5",
    ["summary_wrong"],
  ],
  ["references", "UPDATE bodies SET refs = 9 WHERE id = 3", ["body_references_wrong"]],
  ["live bytes", "UPDATE segments SET live_bytes = live_bytes + 5 WHERE id = 1", ["segment_account_wrong"]],
  ["a hole in the feed", "DELETE FROM feed WHERE sequence = 4", ["feed_broken"]],
  ["rows of nobody", "INSERT INTO cold_chunks VALUES (123, x'00')", ["rows_orphaned"]],
  ["an ACL", `UPDATE mailboxes SET acl = '[{"identifier":"bob","rights":"lrZ"}]'`, ["acl_invalid"]],
  ["rights listed for nobody", "INSERT INTO acl_grants VALUES ('bob', 'x', 1)", ["grants_wrong"]],
  ["rights that are not listed", "DELETE FROM acl_grants", ["grants_wrong"]],
  ["quota", "UPDATE quota_roots SET storage_used = 1", ["quota_wrong"]],
];

for (const [what, statement, kinds] of CASES) {
  test(`check: ${what} is found and mended, no message is lost`, () =>
    withFilledStore(async (filled) => {
      await filled.store.quotas.set("user.alice", { storageLimitBytes: 10_000_000 });
      await filled.fill(12);
      assert.deepEqual((await check(filled)).found, []);
      await damage(filled, sql(statement));
      const { found, plan } = await check(filled);
      assert.deepEqual([...new Set(found.map((finding) => finding.kind))], kinds);
      await repair(filled, plan);
      assert.deepEqual(await filled.wrongBodies(), []);
      await filled.fill(1);
      assert.deepEqual((await check(filled)).found, []);
    }));
}

test("check: a flipped byte of a body is named; what can be read is kept as a damaged message", () =>
  withFilledStore(async (filled) => {
    await filled.fill(12);
    await damage(filled, (folder) => {
      const path = join(folder, "segments/default/1.seg");
      const bytes = readFileSync(path);
      bytes[500] = bytes[500]! ^ 0x01;
      writeFileSync(path, bytes);
    });
    const { found, plan } = await check(filled);
    assert.equal(found.length, 1);
    assert.equal(found[0]?.kind, "body_damaged");
    assert.equal(found[0]?.mailbox, "user.alice");
    assert.equal(found[0]?.uid, 1);
    assert.match(found[0]?.guid ?? "", /^[0-9a-f]{40}$/);
    const said = await repair(filled, plan);
    assert.ok(
      said.some((text) => text.includes("kept as it can be read, as UID 13")),
      said.join("\n"),
    );
    const view = await filled.store.open(filled.inbox);
    assert.equal(view.indexOf(1), -1);
    assert.deepEqual(view.record(view.indexOf(13)).keywords, ["$Damaged"]);
    view.release();
    filled.bodies.delete(1);
    assert.deepEqual(await filled.wrongBodies(), []);
    assert.deepEqual((await check(filled)).found, []);
  }));

test("check: a deleted segment costs its messages, each by name, and nothing else", () =>
  withFilledStore(async (filled) => {
    await filled.fill(30);
    await damage(filled, (folder) => rmSync(join(folder, "segments/default/2.seg")));
    const { found, plan } = await check(filled);
    const lost = found.filter((finding) => finding.kind === "body_missing").map((finding) => finding.uid);
    assert.ok(lost.length >= 5);
    assert.deepEqual(new Set(lost), new Set(await filled.wrongBodies()));
    await repair(filled, plan);
    for (const uid of lost) filled.bodies.delete(uid ?? 0);
    assert.deepEqual(await filled.wrongBodies(), []);
    const view = await filled.store.open(filled.inbox);
    assert.equal(view.count, filled.bodies.size);
    view.release();
    // The same message delivered again is stored again, not linked to what is gone.
    await filled.fill(1);
    assert.deepEqual(await filled.wrongBodies(), []);
  }));

test("check: messages of a lost chunk are filed again", () =>
  withFilledStore(async (filled) => {
    await filled.fill(70);
    await damage(filled, sql("DELETE FROM cold_chunks WHERE key % 4294967296 = 0"));
    const { found, plan } = await check(filled);
    assert.ok(found.some((finding) => finding.kind === "chunk_unreadable"));
    await repair(filled, plan);
    const view = await filled.store.open(filled.inbox);
    assert.equal(view.count, 70);
    const guids = new Set(Array.from({ length: view.count }, (_, i) => view.guid(i)));
    assert.equal(guids.size, 70);
    view.release();
  }));

test("check: rows of bodies that were cut out are named as lost messages", () =>
  withFilledStore(async (filled) => {
    await filled.fill(12);
    await damage(filled, sql("DELETE FROM bodies WHERE id IN (4, 5)"));
    const { found, plan } = await check(filled);
    assert.deepEqual(
      found.filter((finding) => finding.kind === "body_missing").map((finding) => finding.uid),
      [4, 5],
    );
    await repair(filled, plan);
    filled.bodies.delete(4);
    filled.bodies.delete(5);
    assert.deepEqual(await filled.wrongBodies(), []);
    assert.deepEqual((await check(filled)).found, []);
  }));

test("check: finds nothing in a store with copies, tombstones, annotations and an archive", () =>
  withFilledStore(async (filled) => {
    await filled.fill(20, 1_000_000_000);
    const { store, inbox } = filled;
    const target = await store.create("user.alice.Copies", {});
    const by = { userId: "alice", sessionId: 0 };
    await store.copy(inbox, [1, 2, 3] as never, target.id, { move: false }, by);
    await store.copy(inbox, [4, 5] as never, target.id, { move: true }, by);
    await store.expunge(inbox, [6] as never, { onlyDeleted: false }, by);
    await store.annotateMessages(
      inbox,
      [7, 8] as never,
      [{ entry: "/comment", userId: "", value: Buffer.from("x") }],
      by,
    );
    await store.expunge(inbox, [8] as never, { onlyDeleted: false }, by);
    await store.storeFlags(inbox, [9] as never, { mode: "add", systemFlags: 3, keywords: ["a", "b"] }, by);
    await store.maintenance.archive({ olderThanDays: 1, largerThanBytes: undefined });
    await store.delete(target.id);
    assert.deepEqual((await check(filled)).found, []);
    assert.equal(readdirSync(join(filled.folder, "segments/archive")).length, 1);
  }));
