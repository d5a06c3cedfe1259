import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type FilledStore, withFilledStore } from "../../../test/support/filled-store.ts";
import type { Finding } from "./check/finding.ts";

function segmentFiles(filled: FilledStore, partition = "default"): string[] {
  return readdirSync(join(filled.folder, "segments", partition)).filter((name) => name.endsWith(".seg"));
}

async function findings(filled: FilledStore): Promise<Finding[]> {
  const found: Finding[] = [];
  await filled.store.maintenance.check({}, (event) => {
    if (event.kind === "finding") found.push(event.finding);
  });
  return found;
}

test("compaction moves what is live, removes the files, and every body reads back", () =>
  withFilledStore(async (filled) => {
    await filled.fill(60);
    const before = segmentFiles(filled).length;
    assert.ok(before >= 5);
    await filled.forget([...filled.bodies.keys()].filter((uid) => uid % 4 !== 0));
    const report = await filled.store.maintenance.compact({ belowLive: 0.8 });
    assert.equal(report.removed, report.segments);
    assert.ok(report.freedBytes > 60_000, `${report.freedBytes} freed`);
    assert.ok(segmentFiles(filled).length < before);
    assert.deepEqual(await filled.wrongBodies(), []);
    assert.deepEqual(await findings(filled), []);
    await filled.close();
    await filled.open();
    assert.deepEqual(await filled.wrongBodies(), []);
    await filled.fill(3);
    assert.deepEqual(await findings(filled), []);
  }));

test("compaction while segments are held keeps their files until they are let go", () =>
  withFilledStore(async (filled) => {
    await filled.fill(40);
    await filled.forget([...filled.bodies.keys()].filter((uid) => uid % 2 === 0));
    const before = segmentFiles(filled);
    const release = filled.store.maintenance.hold();
    const report = await filled.store.maintenance.compact({ belowLive: 0.9 });
    assert.equal(report.removed, 0);
    assert.ok(before.every((name) => segmentFiles(filled).includes(name)));
    await release();
    assert.ok(!before.every((name) => segmentFiles(filled).includes(name)));
    assert.deepEqual(await filled.wrongBodies(), []);
  }));

test("compaction reads a segment with a damaged header by the index", () =>
  withFilledStore(async (filled) => {
    await filled.fill(40);
    await filled.forget([1, 3, 5]);
    const path = join(filled.folder, "segments/default/1.seg");
    const bytes = readFileSync(path);
    // The magic of the second record.
    const second = 32 + bytes.readUInt32LE(4);
    bytes[second] = 0;
    writeFileSync(path, bytes);
    const report = await filled.store.maintenance.compact({ belowLive: 1 });
    assert.deepEqual(report.stuck, []);
    assert.deepEqual(await filled.wrongBodies(), []);
    assert.deepEqual(await findings(filled), []);
  }));

test("the archive packs old and big messages; clients see no difference", () =>
  withFilledStore(async (filled) => {
    await filled.fill(20, 1_000_000_000);
    await filled.fill(10);
    const policy = { olderThanDays: 365, largerThanBytes: undefined };
    const report = await filled.store.maintenance.archive(policy);
    assert.equal(report.moved, 20);
    assert.ok(report.savedBytes > 20_000);
    assert.deepEqual(segmentFiles(filled, "archive").length, 1);
    assert.deepEqual(await filled.wrongBodies(), []);
    assert.equal(
      (await filled.store.readBody(filled.inbox, 3 as never, { offset: 9, length: 7 })).toString(),
      "message",
    );
    const read: number[] = [];
    for await (const { uid, bytes } of filled.store.readBodies(filled.inbox, [
      ...filled.bodies.keys(),
    ] as never)) {
      assert.ok(filled.bodies.get(uid)?.equals(bytes));
      read.push(uid);
    }
    assert.equal(read.length, 30);
    assert.deepEqual(await findings(filled), []);
    // A second round finds nothing to do; compaction empties what the archive left behind and the archive itself.
    assert.equal((await filled.store.maintenance.archive(policy)).moved, 0);
    await filled.forget([1, 2, 3, 4]);
    await filled.store.maintenance.compact({ belowLive: 1 });
    assert.deepEqual(await filled.wrongBodies(), []);
    assert.deepEqual(await findings(filled), []);
  }));

test("start: unknown files are put aside, a cut segment never grows again, one segment grows", () =>
  withFilledStore(async (filled) => {
    await filled.fill(25);
    await filled.close();
    const folder = join(filled.folder, "segments/default");
    const last = Math.max(...segmentFiles(filled).map((name) => Number.parseInt(name, 10)));
    const path = join(folder, `${last}.seg`);
    const whole = readFileSync(path);
    writeFileSync(path, whole.subarray(0, whole.length - 100));
    writeFileSync(join(folder, "99.seg"), "a segment of another life");
    writeFileSync(join(folder, "notes.txt"), "by hand");
    await filled.open();
    assert.deepEqual(readdirSync(join(folder, "quarantine")).toSorted(), ["99.seg", "notes.txt"]);
    await filled.fill(1);
    const kinds = (await findings(filled)).map((finding) => finding.kind);
    assert.ok(kinds.includes("segment_short"));
    assert.ok(kinds.includes("body_missing"));
    assert.ok(kinds.includes("file_put_aside"));
    assert.equal(readFileSync(path).length, whole.length - 100);
    const lost = await filled.wrongBodies();
    assert.ok(lost.length >= 1 && !lost.includes(26));
  }));
