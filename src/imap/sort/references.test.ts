import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { summarize } from "../../mime/summarize.ts";
import { Output } from "../../wire/output.ts";
import { ThreadColumn } from "../columns/thread-column.ts";
import { atOnce } from "../turns.ts";
import { gatherSubjects, ReferenceLinks, rootsOf } from "./references.ts";
import { writeThreads, type Thread } from "./threads.ts";

interface Mail {
  readonly id: number;
  readonly references: readonly number[];
  readonly subject: number;
}

function threadsOf(mails: readonly Mail[]): Thread[] {
  const column = new ThreadColumn();
  mails.forEach(({ id, references, subject }, i) => {
    const named = references.map((reference) => `<${reference}@x>`).join(" ");
    const header = `Message-ID: <${id}@x>\r\nReferences: ${named}\r\nSubject: Re: ${subject}\r\n\r\n`;
    column.add(i + 1, summarize(Buffer.from(header)));
  });
  const links = new ReferenceLinks(column, mails.length);
  const byDate = Uint32Array.from(mails, (_, i) => i);
  atOnce(links.addAll(byDate));
  const roots = atOnce(rootsOf(byDate, atOnce(links.parentsOf())));
  const subjects = mails.map(({ subject }) => subject);
  return atOnce(gatherSubjects(roots, { column, positions: byDate, byDate, subjects, noSubject: 0 }));
}

function printed(threads: readonly Thread[], count: number): string {
  const chunks: Buffer[] = [];
  const out = new Output((bytes) => chunks.push(Buffer.from(bytes)));
  const numbers = Array.from({ length: count }, (_, i) => i + 1);
  atOnce(writeThreads(out, threads, numbers));
  out.flush();
  return Buffer.concat(chunks).toString("latin1");
}

test("THREAD=REFERENCES: every message once, whatever the references say", () => {
  const mail = fc.record({
    id: fc.nat(8),
    references: fc.array(fc.nat(8), { maxLength: 4 }),
    subject: fc.nat(3),
  });
  fc.assert(
    fc.property(fc.array(mail, { maxLength: 12 }), (mails) => {
      const text = printed(threadsOf(mails), mails.length);
      const numbers = (text.match(/\d+/g) ?? []).map(Number).sort((a, b) => a - b);
      assert.deepEqual(
        numbers,
        mails.map((_, i) => i + 1),
      );
      assert.equal(text.split("(").length, text.split(")").length);
      assert.ok(!text.includes("()"), text);
    }),
  );
});

test("THREAD=REFERENCES: a thread as deep as the mailbox, in either order", () => {
  const count = 20_000;
  const chain = Array.from({ length: count }, (_, i) => ({
    id: i + 1,
    references: i === 0 ? [] : [i],
    subject: 0,
  }));
  assert.equal(printed(threadsOf(chain), count).split(" ").length, count);
  const backwards = chain.toReversed();
  assert.equal(printed(threadsOf(backwards), count).split(" ").length, count);
});

test("writeThreads: lone children follow, several are nested (RFC 5256 §4)", () => {
  const leaf = (message: number, ...children: Thread[]): Thread => ({ message, children });
  assert.equal(
    printed([leaf(1), leaf(2, leaf(5, leaf(3), leaf(6, leaf(4), leaf(7))))], 8),
    "(2)(3 6 (4)(7 (5)(8)))",
  );
  assert.equal(printed([leaf(-1, leaf(2), leaf(4))], 8), "((3)(5))");
});
