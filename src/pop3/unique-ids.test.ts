// Unique ids (RFC 1939 §7) are those of the message for ever: whatever becomes of its mailbox, on whatever node.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { openInlineStore } from "../../test/support/inline-store.ts";
import { openSyncPair } from "../../test/support/sync-pair.ts";
import { exportUser } from "../store/maintenance/user-backup/export-user.ts";
import { importUser } from "../store/maintenance/user-backup/import-user.ts";
import type { Store } from "../store/port.ts";
import { Maildrop } from "./maildrop.ts";

async function uniqueIds(store: Store, name: string): Promise<readonly string[]> {
  const view = await store.open(store.mailboxes.get(name).id);
  const maildrop = new Maildrop(view);
  view.release();
  return Array.from({ length: maildrop.count }, (_, index) => maildrop.uniqueId(index + 1));
}

async function fill(store: Store, name: string, count: number): Promise<void> {
  const { id } = store.mailboxes.get(name);
  for (let number = 1; number <= count; number++) {
    const body = store.stageBuffer(Buffer.from(`Subject: ${number}\r\n\r\n${number}\r\n`));
    await store.append(id, [{ body, systemFlags: 0, keywords: [] }], { userId: "alice", sessionId: 0 });
    body.release();
  }
  // A hole, so that numbers and UIDs differ.
  await store.expunge(id, [2] as never, { onlyDeleted: false }, { userId: "alice", sessionId: 0 });
}

test("UIDL: the same after the mailbox got another name, after a delete and undelete, after a backup", async (t) => {
  const { store, ...inline } = await openInlineStore();
  const folder = mkdtempSync(join(tmpdir(), "rookery-uidl-"));
  t.after(async () => {
    await inline.close();
    rmSync(folder, { recursive: true });
  });
  const inbox = await store.create("user.alice", {});
  await fill(store, "user.alice", 4);
  const ids = await uniqueIds(store, "user.alice");
  assert.deepEqual(
    ids,
    [1, 3, 4].map((uid) => `${inbox.uidValidity}.${uid}`),
  );
  await store.rename(inbox.id, "user.carol", { withChildren: true });
  assert.deepEqual(await uniqueIds(store, "user.carol"), ids);
  await store.delete(inbox.id);
  await store.undelete(inbox.id, "user.alice");
  assert.deepEqual(await uniqueIds(store, "user.alice"), ids);

  const file = join(folder, "alice.rookery");
  await exportUser(store, "alice", file, 0);
  await importUser(store, file, { isReplacing: true });
  assert.deepEqual(await uniqueIds(store, "user.alice"), ids);
});

test("UIDL: the same on a replica, and on the node that a user moved to", async (t: TestContext) => {
  const { here, there, sync } = await openSyncPair(t);
  await here.create("user.alice", {});
  await fill(here, "user.alice", 4);
  await sync("alice");
  const ids = await uniqueIds(here, "user.alice");
  assert.equal(ids.length, 3);
  assert.deepEqual(await uniqueIds(there, "user.alice"), ids);
  // From an older Cyrus: ids are UIDs, and stay so.
  await here.setOptions(here.mailboxes.get("user.alice").id, []);
  await sync("alice");
  assert.deepEqual(await uniqueIds(here, "user.alice"), ["1", "3", "4"]);
  assert.deepEqual(await uniqueIds(there, "user.alice"), ["1", "3", "4"]);
});
