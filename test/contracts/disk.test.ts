/** Every implementation of `Disk` passes this: the real one, and the simulated one that the crash tests stand on. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Disk } from "../../src/base/io/disk.ts";
import { systemDisk } from "../../src/base/io/system-disk.ts";
import { SimDisk } from "../sim/sim-disk.ts";
import { SimRandom } from "../sim/sim-random.ts";

function contract(name: string, make: () => { disk: Disk; folder: string; done: () => void }): void {
  describe(`Disk contract: ${name}`, () => {
    const with_ = (run: (disk: Disk, folder: string) => void) => () => {
      const { disk, folder, done } = make();
      try {
        run(disk, folder);
      } finally {
        done();
      }
    };
    const code = (expected: string) => (error: unknown) =>
      error instanceof Error && "code" in error && error.code === expected;

    test(
      "write gathers buffers at an offset, read is cut at the end",
      with_((disk, folder) => {
        const file = disk.open(join(folder, "a"), "append");
        file.write([Buffer.from("hello "), Buffer.alloc(0), Buffer.from("world")], 0);
        file.write([Buffer.from("W")], 6);
        assert.equal(file.size(), 11);
        const buffer = Buffer.alloc(20);
        assert.equal(file.read(buffer, 6), 5);
        assert.equal(buffer.toString("latin1", 0, 5), "World");
        assert.equal(file.read(buffer, 11), 0);
        file.sync();
        file.close();
      }),
    );

    test(
      "more buffers than one system call takes",
      with_((disk, folder) => {
        const file = disk.open(join(folder, "a"), "create");
        file.write(
          Array.from({ length: 3000 }, (_, i) => Buffer.of(i & 255)),
          0,
        );
        const buffer = Buffer.alloc(3000);
        assert.equal(file.read(buffer, 0), 3000);
        assert.equal(buffer[2999], 2999 & 255);
        file.close();
      }),
    );

    test(
      "truncate shortens, and lengthens with zeros",
      with_((disk, folder) => {
        const file = disk.open(join(folder, "a"), "append");
        file.write([Buffer.from("abcdef")], 0);
        file.truncate(2);
        file.truncate(4);
        const buffer = Buffer.alloc(4, 1);
        assert.equal(file.read(buffer, 0), 4);
        assert.deepEqual([...buffer], [0x61, 0x62, 0, 0]);
        file.close();
      }),
    );

    test(
      "open modes",
      with_((disk, folder) => {
        const path = join(folder, "a");
        assert.throws(() => disk.open(path, "read"), code("ENOENT"));
        disk.open(path, "create").close();
        assert.throws(() => disk.open(path, "create"), code("EEXIST"));
        const appended = disk.open(path, "append");
        appended.write([Buffer.from("x")], 0);
        appended.close();
        const read = disk.open(path, "read");
        assert.equal(read.size(), 1);
        assert.throws(() => read.write([Buffer.from("y")], 0), code("EBADF"));
        read.close();
      }),
    );

    test(
      "names: folders, rename, remove, list in order",
      with_((disk, folder) => {
        disk.makeFolder(join(folder, "d", "e"));
        disk.makeFolder(join(folder, "d", "e"));
        for (const name of ["b", "a"]) disk.open(join(folder, "d", name), "create").close();
        assert.deepEqual(disk.list(join(folder, "d")), ["a", "b", "e"]);
        disk.rename(join(folder, "d", "a"), join(folder, "d", "e", "a"));
        disk.syncFolder(join(folder, "d"));
        disk.remove(join(folder, "d", "b"));
        assert.deepEqual(disk.list(join(folder, "d")), ["e"]);
        assert.equal(disk.exists(join(folder, "d", "e", "a")), true);
        assert.equal(disk.exists(join(folder, "d", "a")), false);
        assert.throws(() => disk.list(join(folder, "none")), code("ENOENT"));
        assert.throws(() => disk.remove(join(folder, "none")), code("ENOENT"));
        assert.throws(() => disk.rename(join(folder, "none"), join(folder, "x")), code("ENOENT"));
      }),
    );

    test(
      "a removed file can still be read by who has it open",
      with_((disk, folder) => {
        const path = join(folder, "a");
        const file = disk.open(path, "create");
        file.write([Buffer.from("still here")], 0);
        disk.remove(path);
        assert.equal(file.read(Buffer.alloc(10), 0), 10);
        file.close();
      }),
    );

    test(
      "space",
      with_((disk, folder) => {
        const { freeBytes, totalBytes } = disk.space(folder);
        assert.ok(freeBytes > 0 && totalBytes >= freeBytes);
      }),
    );
  });
}

contract("system", () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-disk-"));
  return { disk: systemDisk, folder, done: () => rmSync(folder, { recursive: true }) };
});

contract("simulated", () => {
  const disk = new SimDisk(new SimRandom(1));
  disk.makeFolder("/data");
  return { disk, folder: "/data", done: () => {} };
});
