import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../base/io/clock.ts";
import { toModseq, toUid, type Uid } from "../base/numbers.ts";
import type { Mailbox } from "../store/model.ts";
import type { FeedEntry, FeedFollower, FeedKind, MailboxView } from "../store/port.ts";
import type { IndexSource, TextQuery } from "./port.ts";
import { TextIndex } from "./text-index.ts";

/** The port with messages in memory: the real store is a contract of its own. */
class MemorySource {
  readonly boxes = new Map<number, Map<number, Buffer>>();
  readonly lastUids = new Map<number, number>();
  readonly entries: FeedEntry[] = [];
  /** UIDs read, for counting what was scanned. */
  readonly read: number[] = [];
  position = 0;
  fellBehind = false;

  asPort(): IndexSource {
    const feed: Pick<IndexSource["feed"], "follow" | "head"> = {
      head: 0,
      follow: () => Promise.resolve(this.#follower()),
    };
    Object.defineProperty(feed, "head", { get: () => this.entries.length });
    const mailboxes = {
      byId: (id: number) => (this.boxes.has(id) ? this.#mailbox(id) : undefined),
      list: () => Array.from(this.boxes.keys(), (id) => this.#mailbox(id)),
    };
    return {
      feed,
      mailboxes,
      open: (id: number) => Promise.resolve(this.#view(id)),
      readBodies: (id: number, uids: readonly Uid[]) => this.#bodies(id, uids),
    } as unknown as IndexSource;
  }

  append(mailbox: number, uid: number, text: string): void {
    if (!this.boxes.has(mailbox)) this.boxes.set(mailbox, new Map());
    this.boxes.get(mailbox)!.set(uid, Buffer.from(text));
    this.lastUids.set(mailbox, uid);
    this.record("append", mailbox);
  }

  record(kind: FeedKind, mailbox: number): void {
    this.entries.push({
      sequence: this.entries.length + 1,
      kind,
      mailbox,
      uniqueId: "",
      name: "user.alice",
      user: "alice",
      modseq: toModseq(1),
      atMs: 0,
    });
  }

  #follower(): FeedFollower {
    const follower = {
      next: (limit: number) => this.entries.slice(this.position, this.position + limit),
      advance: (sequence: number) => {
        this.position = sequence;
        this.fellBehind = false;
        return Promise.resolve();
      },
      onNews: () => () => {},
      remove: () => Promise.resolve(),
    };
    Object.defineProperty(follower, "position", { get: () => this.position });
    Object.defineProperty(follower, "fellBehind", { get: () => this.fellBehind });
    return follower as unknown as FeedFollower;
  }

  #mailbox(id: number): Mailbox {
    const exists = this.boxes.get(id)!.size;
    return {
      id,
      type: "mail",
      intermediate: false,
      uidValidity: 7,
      lastUid: this.lastUids.get(id),
      exists,
    } as Mailbox;
  }

  #view(id: number): MailboxView {
    const uids = Uint32Array.from(this.boxes.get(id)!.keys()).sort();
    const lowerBound = (uid: number) => {
      const found = uids.findIndex((other) => other >= uid);
      return found < 0 ? uids.length : found;
    };
    return { uids, count: uids.length, lowerBound, release: () => {} } as unknown as MailboxView;
  }

  async *#bodies(id: number, uids: readonly Uid[]): AsyncIterable<{ uid: Uid; bytes: Buffer }> {
    for (const uid of uids) {
      const bytes = this.boxes.get(id)?.get(uid);
      this.read.push(uid);
      if (bytes !== undefined) yield { uid, bytes };
      await Promise.resolve();
    }
  }
}

const stillClock: Clock = { nowMs: () => 0, monotonicMs: () => 0, setTimer: () => ({ cancel: () => {} }) };

async function withIndex(source: MemorySource, run: (index: TextIndex) => Promise<void>): Promise<void> {
  const onError = (error: unknown) => assert.fail(String(error));
  const index = await TextIndex.open({
    source: source.asPort(),
    clock: stillClock,
    path: ":memory:",
    onError,
  });
  try {
    await run(index);
  } finally {
    await index.close();
  }
}

const uids = (...list: number[]) => list.map(toUid);
const text = (value: string): TextQuery => ({ kind: "text", value });

test("search: indexed words without reading, phrases verified, new mail scanned", async () => {
  const source = new MemorySource();
  source.append(1, 1, "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n\r\nred fox, brown dog\r\n");
  source.append(1, 2, "Subject: hello\r\n\r\nbrown fox and red dog\r\n");
  source.append(1, 3, "Subject: brown\r\n\r\nnothing here\r\n");
  await withIndex(source, async (index) => {
    await index.caughtUp();
    source.read.length = 0;
    const search = async (query: TextQuery) => Array.from(await index.search(1, uids(1, 2, 3, 4), query));
    assert.deepEqual(await search(text("ROWN")), [1, 2, 3]);
    assert.deepEqual(await search({ kind: "body", value: "brown" }), [1, 2]);
    assert.deepEqual(await search(text("grüße")), [1]);
    assert.deepEqual(
      source.read.filter((uid) => uid < 4),
      [],
      "single words need no message",
    );
    assert.deepEqual(await search(text("red fox")), [1]);
    assert.deepEqual(await search({ kind: "header", field: "SUBJECT", value: "brown" }), [3]);
    assert.deepEqual(await search({ kind: "header", field: "subject", value: "" }), [1, 2, 3]);
    source.append(1, 4, "Subject: late\r\n\r\nbrown again\r\n");
    assert.deepEqual(await search({ kind: "body", value: "brown" }), [1, 2, 4]);
  });
});

test("follow: picks up appends, forgets deleted mailboxes, compares in full after it fell behind", async () => {
  const source = new MemorySource();
  source.append(1, 1, "\r\nalpha\r\n");
  await withIndex(source, async (index) => {
    await index.caughtUp();
    assert.equal(source.position, 1);
    source.append(2, 5, "\r\nalpha beta\r\n");
    await index.caughtUp();
    assert.deepEqual(Array.from((await index.candidates(2, text("alpha"))).uids), [5]);
    source.boxes.delete(1);
    source.record("delete", 1);
    await index.caughtUp();
    assert.deepEqual(Array.from((await index.candidates(1, text("alpha"))).uids), []);
    source.append(3, 1, "\r\nalpha\r\n");
    source.position = source.entries.length;
    source.fellBehind = true;
    await index.caughtUp();
    assert.equal((await index.candidates(3, text("alpha"))).indexedTo, 1);
    assert.equal((await index.totals()).messages, 2);
    assert.equal(index.built.messages, 3);
  });
});

test("follow: a message that comes back below the last UID is found, though it was gone when it was passed", async () => {
  const source = new MemorySource();
  source.append(1, 1, "\r\nalpha\r\n");
  source.append(1, 3, "\r\nbeta\r\n");
  await withIndex(source, async (index) => {
    await index.caughtUp();
    source.append(1, 2, "\r\nalpha again\r\n");
    source.lastUids.set(1, 3);
    source.record("revive", 1);
    await index.caughtUp();
    assert.deepEqual(Array.from(await index.search(1, uids(1, 2, 3), text("alpha"))), [1, 2]);
  });
});
