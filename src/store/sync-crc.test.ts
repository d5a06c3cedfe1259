import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { headChange, headCrc, recordCrc } from "./sync-crc.ts";

const uid = fc.integer({ min: 1, max: 0xffff_ffff });
const head = fc.record({
  modseq: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  lastUpdated: fc.integer({ min: 0, max: 0xffff_ffff }),
  flags: fc.integer(),
});

test("headCrc: is the CRC of the text, also of neighbours with the same modseq", () => {
  fc.assert(
    fc.property(
      head,
      fc.array(uid, { minLength: 1, maxLength: 4 }),
      ({ modseq, lastUpdated, flags }, uids) => {
        for (const one of uids) {
          const expected = crc32(`${one} ${modseq} ${lastUpdated} (${flags >>> 0})`);
          assert.equal(headCrc(one, modseq, lastUpdated, flags, "new") >>> 0, expected);
        }
      },
    ),
  );
});

test("headChange: the same as both records anew", () => {
  const guids = new Uint8Array(20).fill(7);
  fc.assert(
    fc.property(uid, head, head, fc.nat(2 ** 33), (one, before, after, date) => {
      const whole = ({ modseq, lastUpdated, flags }: typeof before): number =>
        recordCrc(one, modseq, lastUpdated, flags, date, guids, 0);
      const part = ({ modseq, lastUpdated, flags }: typeof before, which: "old" | "new"): number =>
        headCrc(one, modseq, lastUpdated, flags, which);
      const change = headChange(part(before, "old"), part(after, "new"), date);
      assert.equal(change >>> 0, (whole(before) ^ whole(after)) >>> 0);
    }),
  );
});
