import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { BY, withFilledStore } from "../../test/support/filled-store.ts";
import { StoreError } from "./errors.ts";
import { openStore } from "./open.ts";
import { FORMAT_VERSION, upgradeSchema } from "./schema.ts";

test("upgrade: a store of format 1 opens with everything in it", () =>
  withFilledStore(async (filled) => {
    await filled.fill(10);
    await filled.store.storeFlags(
      filled.inbox,
      [3] as never,
      { mode: "add", systemFlags: 4, keywords: ["a"] },
      BY,
    );
    await filled.close();
    // Format 1 did not have archived bodies, nor a table of rights.
    const database = new Database(join(filled.folder, "index.sqlite"));
    database.exec("ALTER TABLE bodies DROP COLUMN packed");
    for (const trigger of ["grants_of_new", "grants_of_changed", "grants_of_gone"]) {
      database.exec(`DROP TRIGGER ${trigger}`);
    }
    database.exec("DROP TABLE acl_grants");
    database.pragma("user_version = 1");
    database.close();
    await filled.open();
    assert.deepEqual(await filled.wrongBodies(), []);
    await filled.fill(2);
    await filled.store.maintenance.archive({ olderThanDays: undefined, largerThanBytes: 10 });
    assert.deepEqual(await filled.wrongBodies(), []);
    const view = await filled.store.open(filled.inbox);
    assert.deepEqual(view.record(view.indexOf(3)).keywords, ["a"]);
    view.release();
  }));

test("upgrade: every step from the first, in one transaction", () => {
  const database = new Database(":memory:");
  assert.deepEqual(upgradeSchema(database), { from: 0, to: FORMAT_VERSION });
  assert.deepEqual(upgradeSchema(database), { from: FORMAT_VERSION, to: FORMAT_VERSION });
  assert.throws(() =>
    upgradeSchema(
      database,
      Array.from({ length: 9 }, () => "CREATE TABLE broken ("),
    ),
  );
  assert.equal(database.pragma("user_version", { simple: true }), FORMAT_VERSION);
  database.close();
});

test("a store of a newer format is refused, untouched", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-newer-"));
  try {
    await (await openStore({ folder, inline: true })).close();
    const database = new Database(join(folder, "index.sqlite"));
    database.pragma("user_version = 99");
    database.close();
    await assert.rejects(openStore({ folder, inline: true }), (error) => {
      return error instanceof StoreError && error.message.includes("format 99");
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
