import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { BY, FilledStore, withFilledStore } from "../../../test/support/filled-store.ts";
import type { Uid } from "../../base/numbers.ts";
import { openStore } from "../open.ts";
import { RESTORE_MARK, restoreBackup } from "./restore-backup.ts";

async function withFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-backup-"));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opens a restored folder, checks it, and returns the bodies of INBOX by UID. */
async function restored(folder: string): Promise<Map<number, Buffer>> {
  const store = await openStore({ folder, inline: true });
  try {
    const found: string[] = [];
    await store.maintenance.check({}, (event) => {
      if (event.kind === "finding") found.push(event.finding.text);
    });
    assert.deepEqual(found, []);
    const { id } = store.mailboxes.get("user.alice");
    const view = await store.open(id);
    const bodies = new Map<number, Buffer>();
    const uids = [...view.uids].slice(0, view.count) as Uid[];
    for await (const { uid, bytes } of store.readBodies(id, uids)) bodies.set(uid, bytes);
    view.release();
    return bodies;
  } finally {
    await store.close();
  }
}

test("backup and restore: everything, with the other files of the folder", () =>
  withFilledStore((filled) =>
    withFolder(async (folder) => {
      await filled.fill(40, 1_000_000_000);
      await filled.store.maintenance.archive({ olderThanDays: 1, largerThanBytes: undefined });
      await filled.fill(20);
      writeFileSync(join(filled.folder, "certificate.pem"), "PEM");
      const target = join(folder, "backup");
      await filled.store.maintenance.backup({ target, isCopy: false });
      await restoreBackup(target, join(folder, "data"), "r1");
      assert.deepEqual(await restored(join(folder, "data")), filled.bodies);
      assert.equal(statSync(join(folder, "data/certificate.pem")).size, 3);
      await assert.rejects(restoreBackup(target, join(folder, "data"), "r1"), /has a store already/);
      await assert.rejects(restoreBackup(folder, join(folder, "other"), "r1"), /no finished backup/);
    }),
  ));

test("what phones know is copied before the mailboxes, and what was left of another store goes", () =>
  withFilledStore((filled) =>
    withFolder(async (folder) => {
      await filled.fill(2);
      const makeStates = (path: string, value: number): void => {
        const database = new Database(path);
        database.pragma("journal_mode = WAL");
        database.exec(`CREATE TABLE eas_records (value int); INSERT INTO eas_records VALUES (${value})`);
        database.close();
      };
      makeStates(join(filled.folder, "activesync.sqlite"), 1);
      const copied: string[] = [];
      const target = join(folder, "backup");
      const onProgress = (what: string): number => copied.push(what);
      await filled.store.maintenance.backup({ target, isCopy: false, onProgress });
      const databases = [...new Set(copied)].filter((name) => name.endsWith(".sqlite"));
      assert.ok(databases.includes("index.sqlite"));
      assert.equal(databases[0], "activesync.sqlite");

      const data = join(folder, "data");
      mkdirSync(data);
      for (const end of ["", "-wal", "-shm"]) writeFileSync(join(data, `activesync.sqlite${end}`), "left");
      await restoreBackup(target, data, "r1");
      const states = new Database(join(data, "activesync.sqlite"));
      assert.equal(states.prepare("SELECT value FROM eas_records").pluck().get(), 1);
      states.close();

      // A backup without them leaves none.
      rmSync(join(filled.folder, "activesync.sqlite"));
      await filled.store.maintenance.backup({ target: join(folder, "without"), isCopy: false });
      const other = join(folder, "other");
      mkdirSync(other);
      writeFileSync(join(other, "activesync.sqlite"), "left");
      await restoreBackup(join(folder, "without"), other, "r1");
      assert.equal(existsSync(join(other, "activesync.sqlite")), false);
      assert.equal(readFileSync(join(other, RESTORE_MARK), "utf8"), "r1\n");
    }),
  ));

test("a second backup copies only what is new, and what is gone leaves it", () =>
  withFilledStore((filled) =>
    withFolder(async (folder) => {
      await filled.fill(50);
      const target = join(folder, "backup");
      const first = await filled.store.maintenance.backup({ target, isCopy: true });
      assert.ok(first.copied >= 5);
      await filled.fill(2);
      await filled.forget([...filled.bodies.keys()].slice(0, 14));
      await filled.store.maintenance.compact({ belowLive: 0.5 });
      const second = await filled.store.maintenance.backup({ target, isCopy: true });
      assert.ok(second.copied <= 2, `${second.copied} copied`);
      assert.ok(second.segments < first.segments + 1);
      await restoreBackup(target, join(folder, "data"), "r1");
      assert.deepEqual(await restored(join(folder, "data")), filled.bodies);
    }),
  ));

test("a hot backup under deliveries, expunges and compaction is one state of the store", () =>
  withFilledStore((filled) =>
    withFolder(async (folder) => {
      await filled.fill(40);
      const acknowledged = new Map(filled.bodies);
      const running = { is: true };
      const load = (async () => {
        for (let round = 0; running.is && round < 40; round += 1) {
          await filled.fill(3);
          // A committer in this thread leaves no gap for the disk by itself.
          await new Promise((turn) => setImmediate(turn));
          if (round % 3 === 0) {
            const [first] = filled.bodies.keys();
            await filled.store.expunge(filled.inbox, [first as Uid], { onlyDeleted: false }, BY);
            acknowledged.delete(first ?? 0);
            filled.bodies.delete(first ?? 0);
            await filled.store.expire(Math.floor(Date.now() / 1000) + 100 * 86_400);
            await filled.store.maintenance.compact({ belowLive: 0.7 });
          }
        }
      })();
      const target = join(folder, "backup");
      for (let i = 0; i < 3; i += 1) {
        await filled.store.maintenance.backup({ target, isCopy: i === 1 });
        await restoreBackup(target, join(folder, `data${i}`), "r1");
      }
      running.is = false;
      await load;
      for (let i = 0; i < 3; i += 1) {
        const bodies = await restored(join(folder, `data${i}`));
        for (const [uid, body] of acknowledged)
          assert.ok(bodies.get(uid)?.equals(body), `UID ${uid} in backup ${i}`);
      }
    }),
  ));

test("a backup goes on in a store with its committer in a thread", () =>
  withFolder(async (folder) => {
    const store = await openStore({ folder: join(folder, "live") });
    const { id } = await store.create("user.alice", {});
    const text = (i: number) => Buffer.from(`Subject: ${i}\r\n\r\n${"x".repeat(500)}${i}`);
    const deliver = (i: number) =>
      store.deliver(store.stageBuffer(text(i)), [
        { mailbox: id, systemFlags: 0, keywords: [], prefix: Buffer.alloc(0) },
      ]);
    for (let i = 0; i < 50; i += 1) await deliver(i);
    const target = join(folder, "backup");
    const backup = store.maintenance.backup({ target, isCopy: false });
    await Promise.all(Array.from({ length: 200 }, (_, i) => deliver(100 + i)));
    await backup;
    await store.close();
    await restoreBackup(target, join(folder, "data"), "r1");
    const bodies = await restored(join(folder, "data"));
    assert.ok(bodies.size >= 50);
    for (let i = 0; i < 50; i += 1) assert.ok(bodies.get(i + 1)?.equals(text(i)));
  }));

test("a folder of something else is not overwritten", () =>
  withFilledStore((filled) =>
    withFolder(async (folder) => {
      writeFileSync(join(folder, "letter.txt"), "dear");
      await assert.rejects(
        filled.store.maintenance.backup({ target: folder, isCopy: false }),
        /neither empty nor a backup/,
      );
      assert.ok(filled instanceof FilledStore);
    }),
  ));
