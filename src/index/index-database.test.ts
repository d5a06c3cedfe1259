import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fold } from "../mime/fold.ts";
import { IndexDatabase } from "./index-database.ts";
import { matches } from "./matches.ts";

function* numbered(bodies: readonly Buffer[], from = 0): Iterable<{ uid: number; bytes: Buffer }> {
  for (let index = from; index < bodies.length; index++) yield { uid: index + 1, bytes: bodies[index]! };
}

const message = (subject: string, body: string) =>
  Buffer.from(`Subject: ${subject}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n${body}`);

const alphabet = fc.constantFrom("a", "b", "B", "c", " ", "-", "é", "漢", "字", "日", "😀", "7");
const word = fc.array(alphabet, { minLength: 1, maxLength: 9 }).map((units) => units.join(""));
const long = fc
  .tuple(fc.constantFrom("ab", "😀", "漢"), fc.integer({ min: 1, max: 90 }))
  .map(([a, n]) => a.repeat(n));
const text = fc.array(fc.oneof({ weight: 6, arbitrary: word }, { weight: 1, arbitrary: long }), {
  maxLength: 8,
});

test("candidates: never miss what a scan finds, and are the scan's result when exact", () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(word, text), { minLength: 1, maxLength: 30 }),
      fc.array(fc.oneof(word, long), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      (mails, queries, batch) => {
        const bodies = mails.map(([subject, words]) => message(subject, words.join(" ")));
        const index = new IndexDatabase(":memory:");
        for (let from = 0; from < bodies.length; from += batch) {
          index.add(
            1,
            9,
            numbered(bodies.slice(0, from + batch), from),
            Math.min(from + batch, bodies.length),
          );
        }
        for (const query of queries) {
          const value = fold(query);
          for (const kind of ["text", "body", "header"] as const) {
            const scanned = bodies.flatMap((bytes, at) =>
              matches(bytes, { kind, field: "subject", value }) ? [at + 1] : [],
            );
            const { uids, exact, indexedTo } = index.candidates(1, kind, value);
            assert.equal(indexedTo, bodies.length);
            if (exact) assert.deepEqual([...uids], scanned, JSON.stringify(query));
            else
              for (const uid of scanned)
                assert.ok(uids.includes(uid), `${kind} ${JSON.stringify(query)} ${uid}`);
          }
        }
        index.close();
      },
    ),
    { numRuns: 300 },
  );
});

test("trim: forgets what is gone, keeps the rest", () => {
  const index = new IndexDatabase(":memory:");
  const bodies = Array.from({ length: 100 }, (_, at) => message(`number${at}`, "same words"));
  index.add(1, 9, numbered(bodies), 100);
  index.trim(1, new Set([3, 50, 99]));
  assert.deepEqual([...index.candidates(1, "text", "WORD").uids], [3, 50, 99]);
  assert.deepEqual(index.state(1, 9), { indexedTo: 100, messages: 3 });
  assert.deepEqual(
    index.state(1, 10),
    { indexedTo: 0, messages: 0 },
    "another UIDVALIDITY is another mailbox",
  );
  assert.deepEqual([...index.candidates(1, "text", "WORD").uids], []);
  index.close();
});
