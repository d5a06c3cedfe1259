/** Compares what readers of a store see with what its plain model (`store-oracle.ts`) holds. */
import assert from "node:assert/strict";
import { toModseq, toUid } from "../../src/base/numbers.ts";
import type { DiskStore } from "../../src/store/disk-store.ts";
import { SystemFlag, type MailboxId, type MessageRecord } from "../../src/store/model.ts";
import type { MailboxView } from "../../src/store/port.ts";
import { Snapshots } from "../../src/store/read-index.ts";
import { Views } from "../../src/store/views.ts";
import { syncCrcs } from "../support/sync-crc.ts";
import type { OracleMailbox, OracleRecord } from "./store-oracle.ts";

export class StoreChecks {
  readonly #store: DiskStore;
  readonly #folder: string;
  readonly #users: readonly string[];

  constructor(store: DiskStore, folder: string, users: readonly string[]) {
    this.#store = store;
    this.#folder = folder;
    this.#users = users;
  }

  async check(mailbox: OracleMailbox, view: MailboxView): Promise<void> {
    const store = this.#store;
    const live = mailbox.live();
    const header = store.mailboxes.byUniqueId(mailbox.uniqueId)!;
    const count = (bit: number) => live.filter((record) => record.flags & bit).length;
    assert.deepEqual(
      {
        name: header.name,
        partition: header.partition,
        lastUid: header.lastUid,
        highestModseq: header.highestModseq,
        deletedModseq: header.deletedModseq,
        exists: header.exists,
        unseen: header.unseen,
        flaggedDeleted: header.flaggedDeleted,
        sizeBytes: header.sizeBytes,
        syncCrc: header.syncCrc,
        syncCrcAnnot: header.syncCrcAnnot,
      },
      {
        name: mailbox.name,
        partition: mailbox.partition,
        lastUid: mailbox.lastUid,
        highestModseq: mailbox.highestModseq,
        deletedModseq: mailbox.deletedModseq,
        exists: live.length,
        unseen: live.length - count(SystemFlag.seen),
        flaggedDeleted: count(SystemFlag.deleted),
        sizeBytes: live.reduce((sum, record) => sum + record.body.length, 0),
        ...syncCrcs(live.map(toRecord)),
      },
    );
    const expected = live.map(toRecord);
    this.#checkView(view, mailbox, expected, "view after deltas");
    await this.#checkFreshView(header.id, mailbox, expected);
    const stored = [...store.readRecords(header.id, { includeExpunged: true })].flat().map(comparable);
    const all = [...mailbox.records.values()].sort((a, b) => a.uid - b.uid).map(toRecord);
    assert.deepEqual(stored.map(withoutTombstoneNotes), all.map(withoutTombstoneNotes));
    assert.deepEqual(
      (await store.expungedRecords(header.id)).map((record) => record.uid),
      mailbox.tombstones().map((record) => record.uid),
    );
    for await (const { uid, bytes } of store.readBodies(
      header.id,
      live.map((record) => toUid(record.uid)),
    )) {
      assert.ok(bytes.equals(mailbox.records.get(uid)!.body), `body of ${uid}`);
    }
  }

  async #checkFreshView(
    id: MailboxId,
    mailbox: OracleMailbox,
    expected: readonly MessageRecord[],
  ): Promise<void> {
    const snapshots = new Snapshots(this.#folder);
    const sources = {
      annotationsOf: (of: MailboxId, uid: number) => this.#store.annotations.ofMessage(of, toUid(uid)),
      seen: this.#store.seen,
    };
    const fresh = await new Views(snapshots, sources, 1).open(id);
    this.#checkView(fresh, mailbox, expected, "view loaded anew");
    fresh.release();
    snapshots.close();
  }

  #checkView(
    view: MailboxView,
    mailbox: OracleMailbox,
    expected: readonly MessageRecord[],
    what: string,
  ): void {
    const records = Array.from({ length: view.count }, (_, i) => comparable(view.record(i)));
    assert.deepEqual(records, expected, what);
    for (const [i, { uid }] of expected.entries()) assert.equal(view.indexOf(uid), i);
    for (const user of this.#users) {
      for (const [i, record] of mailbox.live().entries()) {
        assert.equal(view.isSeenBy(user, i), mailbox.isSeenBy(user, record), `${what}: \\Seen of ${user}`);
      }
    }
    for (let modseq = 0; modseq <= mailbox.highestModseq; modseq++) {
      const since = (record: OracleRecord) => record.modseq > modseq;
      const uidsOf = (list: readonly OracleRecord[]) => list.filter(since).map((record) => record.uid);
      assert.deepEqual(
        [...view.changedSince(toModseq(modseq))],
        uidsOf(mailbox.live()),
        `${what}: since ${modseq}`,
      );
      const vanished = view.vanishedSince(toModseq(modseq));
      const gone = modseq < mailbox.deletedModseq ? "unknown" : uidsOf(mailbox.tombstones());
      assert.deepEqual(vanished, gone, `${what}: vanished since ${modseq}`);
    }
  }

  checkQuota(root: string, mailboxes: readonly OracleMailbox[]): void {
    const quota = this.#store.quotas.get(root);
    if (quota === undefined) return;
    const live = mailboxes.flatMap((mailbox) => mailbox.live());
    const notes = live.flatMap((record) => [...record.annotations.values()]);
    assert.deepEqual(
      {
        storage: quota.storageUsedBytes,
        messages: quota.messagesUsed,
        annotations: quota.annotationStorageUsedBytes,
        mailboxes: quota.mailboxesUsed,
      },
      {
        storage: live.reduce((sum, record) => sum + record.body.length, 0),
        messages: live.length,
        annotations: notes.reduce((sum, { value }) => sum + value.length, 0),
        mailboxes: mailboxes.length,
      },
    );
  }
}

export function toRecord(record: OracleRecord): MessageRecord {
  const annotations = [...record.annotations.values()].map((note) => ({
    ...note,
    modseq: toModseq(note.modseq),
  }));
  return comparable({
    uid: toUid(record.uid),
    modseq: toModseq(record.modseq),
    createdModseq: toModseq(record.createdModseq),
    lastUpdated: record.lastUpdated,
    internalDate: record.internalDate,
    sizeBytes: record.body.length,
    guid: record.guid,
    systemFlags: record.flags,
    keywords: [...record.keywords],
    threadId: record.threadId,
    saveDate: record.saveDate,
    annotations,
  });
}

function comparable(record: MessageRecord): MessageRecord {
  const key = ({ entry, userId }: { entry: string; userId: string }) => `${entry}\0${userId}`;
  return {
    ...record,
    keywords: record.keywords.toSorted(),
    annotations: record.annotations.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)),
  };
}

/** What replication says of a tombstone's annotations is nobody's business. */
function withoutTombstoneNotes(record: MessageRecord): MessageRecord {
  return record.systemFlags & SystemFlag.expunged ? { ...record, annotations: [] } : record;
}
