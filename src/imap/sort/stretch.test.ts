/** How long SORT, THREAD and their answers work before they give way: counted in things done, not in time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageSummary } from "../../mime/summary.ts";
import { summarize } from "../../mime/summarize.ts";
import { Output } from "../../wire/output.ts";
import type { Column } from "../columns/column.ts";
import { DateColumn } from "../columns/date-column.ts";
import { StringColumn } from "../columns/string-column.ts";
import { TextColumn } from "../columns/text-column.ts";
import { ThreadColumn } from "../columns/thread-column.ts";
import { resultOf, writePlain } from "../search/answer.ts";
import { DEFAULT_RETURNS } from "../search/returns.ts";
import { ViewTarget } from "../search/target.ts";
import type { MailboxView } from "../../store/port.ts";
import { atOnce, STEP_ITEMS, type Steps } from "../turns.ts";
import type { SortKey } from "./criteria.ts";
import { orderOf } from "./order.ts";
import { orderedSubjects } from "./ordered-subject.ts";
import { gatherSubjects, ReferenceLinks, rootsOf } from "./references.ts";
import { type Thread, writeThreads } from "./threads.ts";

const COUNT = 30_000;
/** Reads of one message by a step: a few each. */
const MOST_READS = 4 * STEP_ITEMS;
const BLANK = summarize(Buffer.from("Subject: x\r\n\r\n"));

/** Counts what is read between two yields. */
class Meter {
  reads = 0;
  longest = 0;
  steps = 0;

  /** The same list, its elements counted when they are read. */
  watch<List extends object>(list: List): List {
    return new Proxy(list, {
      get: (target, key): unknown => {
        if (typeof key === "string" && /^\d+$/.test(key)) this.reads++;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
  }

  run<T>(steps: Steps<T>): T {
    this.reads = 0;
    for (;;) {
      const step = steps.next();
      this.longest = Math.max(this.longest, this.reads);
      this.reads = 0;
      this.steps++;
      if (step.done === true) return step.value;
    }
  }

  assertShort(name: string): void {
    assert.ok(this.steps >= COUNT / STEP_ITEMS, `${name} gave way ${this.steps} times`);
    assert.ok(this.longest > 0 && this.longest <= MOST_READS, `${name}: ${this.longest} reads at a stretch`);
  }
}

const numbers = Array.from({ length: COUNT }, (_, i) => i + 1);
const shuffled = numbers.map((number) => (number * 7919) % 30_011);

function viewOf(meter: Meter): MailboxView {
  const view: Pick<MailboxView, "count" | "uids" | "sizes" | "internalDates" | "indexOf"> = {
    count: COUNT,
    uids: meter.watch(Uint32Array.from(numbers)),
    sizes: meter.watch(Float64Array.from(shuffled)),
    internalDates: meter.watch(Float64Array.from(shuffled, (number) => number * 1e9)),
    indexOf: (uid) => {
      meter.reads++;
      return uid - 1;
    },
  };
  return view as MailboxView;
}

function summaries(): MessageSummary[] {
  return shuffled.map((number, i) => ({
    ...BLANK,
    baseSubject: String(number),
    sentDateMs: i % 3 === 0 ? undefined : number * 1e6,
    messageId: String(i),
    references: i === 0 ? [] : [String(i - 1)],
  }));
}

test("SORT: gives way every few thousand messages, whatever it sorts by", () => {
  const strings = new StringColumn(({ baseSubject }) => baseSubject);
  const dates = new DateColumn();
  summaries().forEach((summary, i) => {
    strings.add(i + 1, summary);
    dates.add(i + 1, summary);
  });
  atOnce(strings.settle());
  const columns = new Map<SortKey, Column>([
    ["sortSubject", strings],
    ["date", dates],
  ]);
  for (const key of ["arrival", "size", "date", "sortSubject"] as const) {
    const meter = new Meter();
    const target = new ViewTarget(viewOf(meter));
    const uids = meter.watch(Uint32Array.from(numbers));
    const order = meter.run(orderOf(target, uids, [{ key, reverse: true }], columns));
    assert.equal(new Set(order).size, COUNT);
    meter.assertShort(key);
  }
});

test("StringColumn: sorts new strings in steps", () => {
  const column = new StringColumn(({ baseSubject }) => baseSubject);
  summaries().forEach((summary, i) => column.add(i + 1, summary));
  const steps = [...column.settle()].length;
  // Runs of 512, merged in pairs to one: 6 times all of them, at most 4,096 in a step.
  assert.ok(steps >= COUNT / 512 + (6 * COUNT) / STEP_ITEMS, `${steps} steps`);
});

/** Counts what is asked of it. */
class WatchedThreadColumn extends ThreadColumn {
  meter: Meter | undefined;
  override messageIdAt(position: number): number {
    if (this.meter !== undefined) this.meter.reads++;
    return super.messageIdAt(position);
  }
  override referencesAt(position: number): Uint32Array {
    const references = super.referencesAt(position);
    if (this.meter !== undefined) this.meter.reads += references.length;
    return references;
  }
}

/** All messages in one chain, in an order in which each one's ancestors are long known. */
function chained(): WatchedThreadColumn {
  const column = new WatchedThreadColumn();
  summaries().forEach((summary, i) => column.add(i + 1, summary));
  return column;
}

test("THREAD=ORDEREDSUBJECT: gives way every few thousand messages, with many threads or one", () => {
  for (const subjects of [shuffled, numbers.map(() => 1)]) {
    const meter = new Meter();
    const byDate = meter.watch(Uint32Array.from(numbers, (_, i) => i));
    const threads = meter.run(orderedSubjects(byDate, meter.watch(subjects), 30_011));
    assert.equal(threads.length, new Set(subjects).size);
    meter.assertShort("ORDEREDSUBJECT");
  }
});

test("THREAD=REFERENCES: every part of it gives way", () => {
  const column = chained();
  const places = Uint32Array.from(numbers, (_, i) => i);
  const meter = new Meter();
  column.meter = meter;
  const links = new ReferenceLinks(column, COUNT);
  meter.run(links.addAll(meter.watch(places)));
  meter.assertShort("links");

  const rooting = new Meter();
  const parents = atOnce(links.parentsOf());
  const flat = { ...parents, ofMessage: rooting.watch(new Int32Array(COUNT).fill(-1)) };
  const roots = rooting.run(rootsOf(rooting.watch(places), flat));
  rooting.assertShort("roots");

  const gathering = new Meter();
  const input = {
    column,
    positions: places,
    byDate: gathering.watch(places),
    subjects: gathering.watch(numbers.map((number) => number >> 1)),
    noSubject: -1,
  };
  gathering.run(gatherSubjects(gathering.watch(roots), input));
  gathering.assertShort("subjects");
});

test("THREAD and SORT: answers are numbered and written in short pieces", () => {
  const numbering = new Meter();
  const target = new ViewTarget(viewOf(numbering));
  const { numbers: sequence } = numbering.run(resultOf(target, shuffledUids, "sequence"));
  assert.equal(sequence.length, COUNT);
  numbering.assertShort("numbers");

  const lone: Thread[] = numbers.map((_, message) => ({ message, children: [] }));
  let chain: Thread = { message: 0, children: [] };
  for (let message = 1; message < COUNT; message++) chain = { message, children: [chain] };
  const siblings: Thread = { message: -1, children: lone };
  const answers: ((out: Output) => Steps<void>)[] = [
    (out) => writePlain(out, "SORT", { uids: sequence, numbers: sequence }, undefined),
    ...[lone, [chain], [siblings]].map((threads) => (out: Output) => writeThreads(out, threads, sequence)),
  ];
  for (const answer of answers) {
    const out = new Output(() => undefined);
    let before = 0;
    for (const _step of answer(out)) {
      assert.ok(out.totalBytes - before <= 8 * STEP_ITEMS, `${out.totalBytes - before} bytes at a stretch`);
      before = out.totalBytes;
    }
    assert.ok(out.totalBytes - before <= 8 * STEP_ITEMS);
    assert.ok(out.totalBytes > 5 * COUNT);
  }
});

const shuffledUids = numbers.map((_, i) => ((i * 7919) % COUNT) + 1);

test("SEARCH SUBJECT: scans long columns and many hits in pieces", () => {
  const column = new TextColumn(({ preview }) => preview);
  const preview = "x".repeat(100);
  for (const number of numbers) {
    column.add(number, { ...BLANK, preview: number % 2 === 0 ? preview : `${preview}y` });
  }
  const meter = new Meter();
  const many = meter.run(column.containing("xxy"));
  assert.equal(many.length, COUNT / 2);
  assert.ok(meter.steps > COUNT / 2 / 2048);
  const none = new Meter();
  assert.equal(none.run(column.containing("z")).length, 0);
  // 3 MB in windows of 1 MiB
  assert.ok(none.steps >= 3);
});

test("ESEARCH: lists in order and in no order are printed in pieces", () => {
  for (const [list, length] of [
    [numbers, " ALL 1:30000".length],
    [shuffled, 5 * COUNT],
  ] as const) {
    const meter = new Meter();
    const text = meter.run(DEFAULT_RETURNS.text({ uids: list, numbers: meter.watch([...list]) }));
    assert.ok(text.length >= length);
    meter.assertShort("ALL");
  }
});
