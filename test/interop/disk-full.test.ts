/** A real store, SQLite included, on a real file system that is full: a small tmpfs in a mount namespace of its own. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const canMount =
  process.platform === "linux" &&
  spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0;

test(
  "a full file system is refused with disk_full and nothing is lost",
  { skip: canMount ? false : "needs root to mount a tmpfs" },
  () => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-full-"));
    try {
      const child = join(import.meta.dirname, "disk-full-child.ts");
      const script = `mount -t tmpfs -o size=24m none "$1" && mkdir "$1/data" && exec "$2" "$3" "$1/data"`;
      const run = spawnSync("unshare", ["-m", "sh", "-c", script, "sh", folder, process.execPath, child], {
        encoding: "utf8",
      });
      assert.equal(run.status, 0, run.stderr);
      assert.match(run.stdout, /^OK \d+$/m);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
