import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "./sim-clock.ts";
import { SimDisk, SimulatedCrash } from "./sim-disk.ts";
import { SimRandom } from "./sim-random.ts";

const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);

function contentOf(disk: SimDisk, path: string): Buffer {
  const file = disk.open(path, "read");
  const buffer = Buffer.alloc(file.size());
  file.read(buffer, 0);
  return buffer;
}

test("a crash keeps what syncs cover, and no seed keeps everything else", () => {
  let lostBytes = 0;
  let lostNames = 0;
  for (const seed of SEEDS) {
    const disk = new SimDisk(new SimRandom(seed));
    disk.makeFolder("/d");
    disk.syncFolder("/");
    const file = disk.open("/d/a", "create");
    file.write([Buffer.from("covered")], 0);
    file.sync();
    disk.syncFolder("/d");
    file.write([Buffer.from("not covered")], 7);
    disk.open("/d/b", "create").sync();
    disk.crash();
    assert.throws(() => disk.exists("/d/a"), SimulatedCrash);
    disk.restart();
    const content = contentOf(disk, "/d/a");
    assert.equal(content.toString("latin1", 0, 7), "covered");
    if (content.length < 18) lostBytes += 1;
    if (!disk.exists("/d/b")) lostNames += 1;
    assert.throws(() => file.write([Buffer.from("x")], 0), SimulatedCrash);
  }
  assert.ok(lostBytes > 10 && lostBytes < SEEDS.length, `${lostBytes}`);
  assert.ok(lostNames > 10 && lostNames < SEEDS.length, `${lostNames}`);
});

test("a synced file is lost with a folder entry that is not", () => {
  let lost = 0;
  for (const seed of SEEDS) {
    const disk = new SimDisk(new SimRandom(seed));
    disk.makeFolder("/d");
    const file = disk.open("/d/a", "create");
    file.write([Buffer.from("x")], 0);
    file.sync();
    disk.syncFolder("/d");
    disk.crash();
    disk.restart();
    if (!disk.exists("/d")) lost += 1;
  }
  assert.ok(lost > 0);
});

test("a rename between folders is atomic whichever folder is synced", () => {
  for (const seed of SEEDS) {
    for (const synced of ["/a", "/b"]) {
      const disk = new SimDisk(new SimRandom(seed));
      disk.makeFolder("/a");
      disk.makeFolder("/b");
      disk.syncFolder("/");
      disk.open("/a/x", "create").close();
      disk.syncFolder("/a");
      disk.rename("/a/x", "/b/x");
      disk.syncFolder(synced);
      disk.crash();
      disk.restart();
      assert.deepEqual([disk.exists("/a/x"), disk.exists("/b/x")], [false, true]);
    }
  }
});

test("crashAtOperation stops at exactly that operation", () => {
  const run = (crashAt: number | undefined) => {
    const disk = new SimDisk(new SimRandom(7));
    disk.crashAtOperation = crashAt;
    let copied = -1;
    disk.onCrash = () => {
      copied = disk.operations;
    };
    try {
      disk.makeFolder("/d");
      const file = disk.open("/d/a", "create");
      file.write([Buffer.from("abc")], 0);
      file.sync();
      disk.syncFolder("/d");
    } catch (error) {
      assert.ok(error instanceof SimulatedCrash);
    }
    return { disk, copied };
  };
  const whole = run(undefined).disk.operations;
  assert.equal(whole, 5);
  for (let at = 1; at <= whole; at += 1) {
    const { disk, copied } = run(at);
    assert.equal(disk.crashed, true);
    assert.equal(copied, at);
  }
});

test("a full disk takes what fits and refuses the rest; room makes it go on", () => {
  const disk = new SimDisk(new SimRandom(1));
  disk.capacityBytes = 10;
  const file = disk.open("/a", "create");
  assert.throws(() => file.write([Buffer.alloc(12, 1)], 0), { code: "ENOSPC" });
  assert.equal(file.size(), 10);
  file.truncate(0);
  file.write([Buffer.alloc(10, 2)], 0);
  assert.equal(disk.space("/").freeBytes, 0);
});

test("faults are injected where the test says", () => {
  const disk = new SimDisk(new SimRandom(1));
  const file = disk.open("/a", "create");
  disk.fault = (entry) => (entry.kind === "sync" ? "EIO" : undefined);
  file.write([Buffer.from("x")], 0);
  assert.throws(() => file.sync(), { code: "EIO" });
  disk.fault = () => "EROFS";
  assert.throws(() => disk.open("/b", "create"), { code: "EROFS" });
  assert.deepEqual(
    disk.trace.map((entry) => entry.kind),
    ["create", "write", "sync", "create"],
  );
});

test("SimClock fires timers in order", () => {
  const clock = new SimClock();
  const fired: string[] = [];
  clock.setTimer(20, () => fired.push("b"));
  clock.setTimer(10, () => {
    fired.push("a");
    clock.setTimer(5, () => fired.push("nested"));
  });
  clock.setTimer(10, () => fired.push("cancelled")).cancel();
  clock.advance(30);
  assert.deepEqual(fired, ["a", "nested", "b"]);
  assert.equal(clock.monotonicMs(), 30);
});
