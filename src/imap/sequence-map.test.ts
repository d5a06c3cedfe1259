import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MailboxView } from "../store/port.ts";
import { ViewColumns } from "../store/view-columns.ts";
import { SequenceMap } from "./sequence-map.ts";

/** A mailbox as it is now, over the store's own columns. */
class Mailbox {
  readonly columns = new ViewColumns(0);

  get view(): MailboxView {
    const { columns } = this;
    const view: Pick<MailboxView, "count" | "uids" | "lowerBound" | "shareUids"> = {
      count: columns.count,
      uids: columns.uids.subarray(0, columns.count),
      lowerBound: (uid) => columns.lowerBound(uid),
      shareUids() {
        columns.uidsShared = true;
        return columns.uids;
      },
    };
    return view as MailboxView;
  }

  add(uid: number): void {
    const one = new Float64Array(1);
    const small = new Uint32Array(1);
    this.columns.append(
      {
        uids: Uint32Array.of(uid),
        modseqs: one,
        lastUpdated: small,
        flags: new Uint8Array(1),
        keywords: undefined,
      },
      {
        internalDates: one,
        createdModseqs: one,
        threadIds: new Uint32Array(2),
        bodyIds: one,
        saveDates: small,
        sizes: small,
        guids: new Uint8Array(20),
      },
    );
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant("add" as const), uid: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constant("expunge" as const), uid: fc.integer({ min: 1, max: 60 }) }),
  fc.record({ kind: fc.constantFrom("tellNew" as const, "tellGone" as const) }),
);

test("SequenceMap: counts as the client does, whatever the mailbox does meanwhile", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const mailbox = new Mailbox();
      for (let uid = 1; uid <= 5; uid++) mailbox.add(uid);
      const map = new SequenceMap(mailbox.view);
      let known = [1, 2, 3, 4, 5];
      for (const one of steps) {
        const { view } = mailbox;
        if (one.kind === "add") mailbox.add(one.uid);
        else if (one.kind === "expunge") mailbox.columns.remove(Uint32Array.of(one.uid));
        else if (one.kind === "tellNew") {
          const last = known.at(-1) ?? 0;
          known.push(...[...view.uids].filter((uid) => uid > last));
          map.append(view);
        } else {
          const positions = known.flatMap((uid, at) => (view.uids.includes(uid) ? [] : [at]));
          known = known.filter((uid) => view.uids.includes(uid));
          map.remove(positions, view);
        }
        assert.deepEqual(
          Array.from({ length: map.count }, (_, at) => map.uidAt(at)),
          known,
        );
        for (const [at, uid] of known.entries()) assert.equal(map.indexOf(uid), at);
        assert.equal(map.lastUid, known.at(-1) ?? 0);
      }
    }),
  );
});

test("SequenceMap.isStillIn: false for a UID that is gone, also when another one has come back below the last", () => {
  const mailbox = new Mailbox();
  for (const uid of [1, 2, 5, 7]) mailbox.add(uid);
  const map = new SequenceMap(mailbox.view);
  assert.equal(map.isStillIn(mailbox.view), true);
  mailbox.add(9);
  assert.equal(map.isStillIn(mailbox.view), true);
  // As many as before.
  mailbox.columns.remove(Uint32Array.of(2));
  mailbox.add(4);
  assert.equal(map.isStillIn(mailbox.view), false);
  assert.deepEqual(map.missingIn(mailbox.view), [1]);
  map.remove([1], mailbox.view);
  map.append(mailbox.view);
  assert.deepEqual(
    Array.from({ length: map.count }, (_, position) => map.uidAt(position)),
    [1, 5, 7, 9],
  );
  assert.deepEqual(map.missingIn(mailbox.view), []);
});
