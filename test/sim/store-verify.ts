/** Compares a store with the model of what it acknowledged, and decides in the model what a crash left open. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Mailbox, MessageRecord } from "../../src/store/model.ts";
import { SystemFlag } from "../../src/store/model.ts";
import type { DiskStore } from "../../src/store/disk-store.ts";
import type { FindingKind } from "../../src/store/maintenance/check/finding.ts";
import type { MailboxView, Store } from "../../src/store/port.ts";
import { syncCrcs } from "../support/sync-crc.ts";
import type { ModelMailbox, StoreModel } from "./store-model.ts";

/** @throws AssertionError that names the mailbox and message */
export async function verifyStore(store: Store, model: StoreModel): Promise<void> {
  decideNames(store, model);
  for (const expected of model.mailboxes.values()) {
    const mailbox = store.mailboxes.byUniqueId(expected.uniqueId);
    if (expected.names.length === 0) {
      assert.ok(
        mailbox === undefined || mailbox.name.includes("DELETED."),
        `${expected.uniqueId}: was deleted and is there as ${mailbox?.name}`,
      );
      continue;
    }
    assert.ok(mailbox !== undefined, `${expected.names[0]}: acknowledged mailbox is missing`);
    await verifyMailbox(store, mailbox, expected, model);
  }
  verifyFeed(store, model);
}

/** What a store says of itself: nothing but what a crash may leave is wrong with it. */
export async function verifyByCheck(store: DiskStore): Promise<void> {
  const found: string[] = [];
  await store.maintenance.check({}, (event) => {
    if (event.kind !== "finding" || LEFT_BY_CRASHES.has(event.finding.kind)) return;
    found.push(event.finding.text);
  });
  assert.deepEqual(found, [], "the check finds something");
}
/** Files of commits that never happened. */
const LEFT_BY_CRASHES: ReadonlySet<FindingKind> = new Set(["file_unknown", "file_put_aside"]);

/** What an unanswered create, rename or delete came to. */
function decideNames(store: Store, model: StoreModel): void {
  for (const mailbox of model.mailboxes.values()) {
    if (mailbox.names.length === 0) continue;
    const found = store.mailboxes.byUniqueId(mailbox.uniqueId);
    if (mailbox.mayBeGone && (found === undefined || found.name.startsWith("DELETED."))) {
      mailbox.names = [];
    } else {
      assert.ok(found !== undefined, `${mailbox.names.join(" or ")}: mailbox is missing`);
      assert.ok(mailbox.names.includes(found.name), `${found.name}: should be ${mailbox.names.join(" or ")}`);
      assert.equal(
        store.mailboxes.find(found.name)?.uniqueId,
        mailbox.uniqueId,
        "name leads to another mailbox",
      );
      mailbox.names = [found.name];
    }
    mailbox.mayBeGone = false;
  }
  for (const name of model.openNames) {
    const found = store.mailboxes.find(name);
    if (found !== undefined && !model.mailboxes.has(found.uniqueId)) {
      model.created(found.uniqueId, name, found.uidValidity, found.highestModseq);
    }
  }
  model.openNames = [];
}

async function verifyMailbox(
  store: Store,
  mailbox: Mailbox,
  expected: ModelMailbox,
  model: StoreModel,
): Promise<void> {
  const at = mailbox.name;
  assert.equal(mailbox.uidValidity, expected.uidValidity, `${at}: UIDVALIDITY changed`);
  assert.ok(mailbox.lastUid >= expected.lastUid, `${at}: last UID went back to ${mailbox.lastUid}`);
  assert.ok(
    mailbox.highestModseq >= expected.highestModseq,
    `${at}: HIGHESTMODSEQ went back from ${expected.highestModseq} to ${mailbox.highestModseq}`,
  );
  const view = await store.open(mailbox.id);
  try {
    verifyView(mailbox, view);
    const records = Array.from({ length: view.count }, (_, index) => view.record(index));
    for (const record of records) {
      const bytes = await store.readBody(mailbox.id, record.uid);
      verifyRecord(at, record, bytes, expected, model);
    }
    const present = new Set<number>(records.map((record) => record.uid));
    for (const message of expected.messages.values()) {
      if (message.presence === "open") message.presence = present.has(message.uid) ? "there" : "gone";
      const where = `${at} uid ${message.uid}`;
      if (message.presence === "there") {
        assert.ok(present.has(message.uid), `${where}: acknowledged message is missing`);
      } else {
        assert.ok(!present.has(message.uid), `${where}: expunged message is back`);
      }
    }
    for (const { summary } of store.readSummaries(mailbox.id, [...view.uids].slice(0, view.count) as never)) {
      assert.ok(summary.envelope.length > 0, `${at}: empty ENVELOPE`);
    }
  } finally {
    view.release();
  }
  expected.lastUid = mailbox.lastUid;
  expected.highestModseq = mailbox.highestModseq;
}

function verifyRecord(
  at: string,
  record: MessageRecord,
  bytes: Buffer,
  expected: ModelMailbox,
  model: StoreModel,
): void {
  const where = `${at} uid ${record.uid}`;
  assert.equal(
    record.guid,
    createHash("sha1").update(bytes).digest("hex"),
    `${where}: GUID is not the body's`,
  );
  assert.equal(record.sizeBytes, bytes.length, `${where}: size`);
  const known = expected.messages.get(record.uid);
  if (known === undefined) {
    // Asked for and not answered: it may be there, but whole.
    assert.ok(model.bodies.has(bytes.toString("latin1")), `${where}: a body nobody handed in`);
    model.appended(expected, record.uid, bytes, flagsOf(record), record.modseq);
    return;
  }
  assert.ok(bytes.equals(known.body), `${where}: body is not byte-identical`);
  known.flags ??= flagsOf(record);
  if (known.presence === "there") {
    assert.deepEqual(flagsOf(record), known.flags, `${where}: flags`);
  }
}

export function flagsOf(record: MessageRecord): { systemFlags: number; keywords: string[] } {
  return { systemFlags: record.systemFlags, keywords: record.keywords.toSorted() };
}

/** Counters, CRCs and columns agree with the records they are made of. */
function verifyView(mailbox: Mailbox, view: MailboxView): void {
  const at = mailbox.name;
  const records: MessageRecord[] = [];
  let lastUid = 0;
  for (let index = 0; index < view.count; index += 1) {
    const record = view.record(index);
    records.push(record);
    assert.ok(record.uid > lastUid, `${at}: UIDs do not ascend at ${record.uid}`);
    lastUid = record.uid;
    assert.equal(view.uids[index], record.uid);
    assert.equal(view.indexOf(record.uid), index);
    assert.ok(record.modseq <= mailbox.highestModseq, `${at} uid ${record.uid}: modseq above HIGHESTMODSEQ`);
    assert.equal(record.systemFlags & SystemFlag.expunged, 0, `${at} uid ${record.uid}: expunged in a view`);
  }
  assert.ok(lastUid <= mailbox.lastUid, `${at}: a UID above the last UID`);
  const count = (bit: number) => records.filter((record) => (record.systemFlags & bit) !== 0).length;
  assert.equal(mailbox.exists, records.length, `${at}: EXISTS counter`);
  assert.equal(mailbox.unseen, records.length - count(SystemFlag.seen), `${at}: UNSEEN counter`);
  assert.equal(mailbox.flaggedDeleted, count(SystemFlag.deleted), `${at}: DELETED counter`);
  assert.equal(
    mailbox.sizeBytes,
    records.reduce((sum, record) => sum + record.sizeBytes, 0),
    `${at}: size counter`,
  );
  assert.deepEqual(
    { syncCrc: mailbox.syncCrc, syncCrcAnnot: mailbox.syncCrcAnnot },
    syncCrcs(records),
    `${at}: CRCs`,
  );
}

/** The feed never goes back and tells of every mailbox as far as the mailbox got. */
function verifyFeed(store: Store, model: StoreModel): void {
  assert.ok(
    store.feed.head >= model.feedHead,
    `feed head went back from ${model.feedHead} to ${store.feed.head}`,
  );
  const told = new Map<string, number>();
  let sequence = store.feed.tail - 1;
  for (;;) {
    const entries = store.feed.read(sequence, 1000);
    if (entries.length === 0) break;
    for (const entry of entries) {
      assert.ok(entry.sequence > sequence, `feed sequence ${entry.sequence} after ${sequence}`);
      sequence = entry.sequence;
      told.set(entry.uniqueId, Math.max(told.get(entry.uniqueId) ?? 0, entry.modseq));
    }
  }
  assert.equal(sequence, store.feed.head, "feed does not reach its head");
  for (const mailbox of model.living()) {
    const modseq = store.mailboxes.byUniqueId(mailbox.uniqueId)?.highestModseq ?? 0;
    assert.ok(
      (told.get(mailbox.uniqueId) ?? 0) >= modseq,
      `${mailbox.names[0]}: the feed does not tell of modseq ${modseq}`,
    );
  }
  model.feedHead = store.feed.head;
}
