import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AdminError } from "./failure.ts";
import { lockDataFolder } from "./lock.ts";

test("lockDataFolder: the second owner is refused and told who the first is", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-lock-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const first = lockDataFolder(folder);
  assert.throws(
    () => lockDataFolder(folder),
    (error) =>
      error instanceof AdminError &&
      error.code === "data_folder_in_use" &&
      error.message.includes(`process ${process.pid}`),
  );
  first.release();
  lockDataFolder(folder).release();
});
