import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ToldFlags } from "./told-flags.ts";

test("ToldFlags: knows each UID with each modseq it was told with, in whatever order", () => {
  const told = fc.record({ uids: fc.array(fc.nat(20)), modseq: fc.nat(4), together: fc.boolean() });
  fc.assert(
    fc.property(fc.array(told), (calls) => {
      const flags = new ToldFlags();
      const expected = new Set<string>();
      for (const { uids, modseq, together } of calls) {
        // What came out of order is known by its last modseq only: that is the one a message has now.
        const own = together ? uids.toSorted((a, b) => a - b) : uids;
        if (together) flags.addAll(own, modseq);
        else for (const uid of own) flags.add(uid, modseq);
        for (const uid of own) expected.add(`${uid} ${modseq}`);
        for (const uid of own) assert.ok(flags.has(uid, modseq));
      }
      for (let uid = 0; uid <= 21; uid++) {
        for (let modseq = 0; modseq <= 5; modseq++) {
          if (flags.has(uid, modseq)) assert.ok(expected.has(`${uid} ${modseq}`));
        }
      }
      flags.clear();
      assert.equal(flags.has(1, 1), false);
    }),
  );
});
