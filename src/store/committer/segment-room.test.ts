import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiskFile } from "../../base/io/disk.ts";
import { makeRoom, type Roomy } from "./segment-room.ts";

const MIB = 1024 * 1024;

function segmentWith(writes: [bytes: number, offset: number][]): Roomy {
  const file = {
    write: (buffers: readonly Uint8Array[], offset: number) => writes.push([buffers[0]!.length, offset]),
  };
  return { file: file as Partial<DiskFile> as DiskFile, roomBytes: 0 };
}

test("segment room: zeros behind a small batch, and none again before they are used up", () => {
  const writes: [number, number][] = [];
  const segment = segmentWith(writes);
  makeRoom(segment, 4000, 4000);
  assert.deepEqual(writes, [[MIB, 4000]]);
  makeRoom(segment, 4000 + MIB, MIB);
  assert.equal(writes.length, 1);
  makeRoom(segment, 5000 + MIB, 1000);
  assert.deepEqual(writes[1], [MIB, 5000 + MIB]);
});

test("segment room: none behind a batch that would fill it", () => {
  const writes: [number, number][] = [];
  const segment = segmentWith(writes);
  makeRoom(segment, 2 * MIB, 2 * MIB);
  assert.deepEqual([writes, segment.roomBytes], [[], 2 * MIB]);
  makeRoom(segment, 2 * MIB + 10, 10);
  assert.deepEqual(writes, [[MIB, 2 * MIB + 10]]);
});
