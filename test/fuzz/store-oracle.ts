/**
 * What the store should hold, in plain maps: a third implementation of its rules for records, without chunks, deltas or
 * a database. Every method mirrors one write of the port and gives the modseq and UIDs that the store must answer.
 */
import { createHash } from "node:crypto";
import { SystemFlag } from "../../src/store/model.ts";

export const OWNER = "alice";

export interface OracleRecord {
  uid: number;
  modseq: number;
  createdModseq: number;
  lastUpdated: number;
  internalDate: number;
  saveDate: number;
  flags: number;
  keywords: Set<string>;
  threadId: string;
  readonly body: Buffer;
  readonly guid: string;
  /** By entry and user. */
  annotations: Map<string, { entry: string; userId: string; modseq: number; value: Buffer }>;
}

export interface NewOracleRecord {
  readonly body: Buffer;
  readonly flags: number;
  readonly keywords: readonly string[];
  readonly internalDate: number;
  readonly saveDate: number;
}

export function isExpunged(record: OracleRecord): boolean {
  return (record.flags & SystemFlag.expunged) !== 0;
}

export class OracleMailbox {
  readonly uniqueId: string;
  name: string;
  partition: string;
  lastUid = 0;
  highestModseq = 1;
  deletedModseq = 0;
  sharedSeen = false;
  readonly records = new Map<number, OracleRecord>();
  /** \Seen of those whose flag is not in the record. */
  readonly seen = new Map<string, Set<number>>();

  constructor(uniqueId: string, name: string, partition: string) {
    this.uniqueId = uniqueId;
    this.name = name;
    this.partition = partition;
  }

  live(): OracleRecord[] {
    return [...this.records.values()].filter((r) => !isExpunged(r)).sort((a, b) => a.uid - b.uid);
  }

  tombstones(): OracleRecord[] {
    return [...this.records.values()].filter(isExpunged).sort((a, b) => a.uid - b.uid);
  }

  seenInRecord(user: string): boolean {
    return user === "" || this.sharedSeen || user === OWNER;
  }

  isSeenBy(user: string, record: OracleRecord): boolean {
    if (this.seenInRecord(user)) return (record.flags & SystemFlag.seen) !== 0;
    return this.seen.get(user)?.has(record.uid) === true;
  }

  setSeen(user: string, uid: number, isSeen: boolean): void {
    let set = this.seen.get(user);
    if (set === undefined) this.seen.set(user, (set = new Set()));
    if (isSeen) set.add(uid);
    else set.delete(uid);
  }

  append(messages: readonly NewOracleRecord[], user: string, now: number): number[] {
    const modseq = ++this.highestModseq;
    return messages.map((message) => {
      const ownSeen = this.seenInRecord(user);
      const isSeen = (message.flags & SystemFlag.seen) !== 0;
      const flags = ownSeen ? message.flags : message.flags & ~SystemFlag.seen;
      const uid = this.add({ ...message, flags }, modseq, now);
      if (isSeen && !ownSeen) this.setSeen(user, uid, true);
      return uid;
    });
  }

  add(message: NewOracleRecord, modseq: number, now: number): number {
    const uid = ++this.lastUid;
    this.records.set(uid, {
      uid,
      modseq,
      createdModseq: modseq,
      lastUpdated: now,
      internalDate: message.internalDate,
      saveDate: message.saveDate,
      flags: message.flags,
      keywords: new Set(message.keywords),
      threadId: "",
      body: message.body,
      guid: createHash("sha1").update(message.body).digest("hex"),
      annotations: new Map(),
    });
    return uid;
  }

  storeFlags(
    uids: readonly number[],
    change: {
      mode: "add" | "remove" | "replace";
      flags: number;
      keywords: readonly string[];
      unchangedSince: number | undefined;
    },
    user: string,
    now: number,
  ): { changed: number[]; modified: number[] } {
    const changed: number[] = [];
    const modified: number[] = [];
    const ownSeen = this.seenInRecord(user);
    let modseq = 0;
    for (const uid of [...uids].sort((a, b) => a - b)) {
      const record = this.records.get(uid);
      if (record === undefined || isExpunged(record)) continue;
      if (change.unchangedSince !== undefined && record.modseq > change.unchangedSince) {
        modified.push(uid);
        continue;
      }
      const mask = ownSeen ? ~0 : ~SystemFlag.seen;
      const apply = (old: number, given: number): number =>
        change.mode === "add" ? old | given : change.mode === "remove" ? old & ~given : given;
      const flags = (apply(record.flags, change.flags) & mask) | (record.flags & ~mask);
      const keywords =
        change.mode === "add"
          ? new Set([...record.keywords, ...change.keywords])
          : change.mode === "remove"
            ? new Set([...record.keywords].filter((keyword) => !change.keywords.includes(keyword)))
            : new Set(change.keywords);
      const wasSeen = this.isSeenBy(user, record);
      const isSeen = ownSeen
        ? wasSeen
        : (apply(wasSeen ? SystemFlag.seen : 0, change.flags) & SystemFlag.seen) !== 0;
      const sameKeywords =
        keywords.size === record.keywords.size && [...keywords].every((k) => record.keywords.has(k));
      if (flags === record.flags && sameKeywords && isSeen === wasSeen) continue;
      if (modseq === 0) modseq = ++this.highestModseq;
      if (isSeen !== wasSeen) this.setSeen(user, uid, isSeen);
      Object.assign(record, { flags, keywords, modseq, lastUpdated: now });
      changed.push(uid);
    }
    return { changed, modified };
  }

  expunge(uids: readonly number[], now: number): number[] {
    const gone = this.live().filter((record) => uids.includes(record.uid));
    if (gone.length === 0) return [];
    const modseq = ++this.highestModseq;
    for (const record of gone) {
      record.flags |= SystemFlag.expunged;
      record.modseq = modseq;
      record.lastUpdated = now;
    }
    return gone.map((record) => record.uid);
  }

  /** A copy of `record` of another mailbox, or of this one, under the next UID. */
  #copyIn(record: OracleRecord, flags: number, modseq: number, now: number, saveDate = now): number {
    const { body, keywords, internalDate } = record;
    const uid = this.add({ body, flags, keywords: [...keywords], internalDate, saveDate }, modseq, now);
    const copy = this.records.get(uid)!;
    copy.threadId = record.threadId;
    for (const [key, annotation] of record.annotations) copy.annotations.set(key, { ...annotation, modseq });
    return uid;
  }

  unexpunge(uids: readonly number[], now: number): number[] {
    const modseq = ++this.highestModseq;
    return uids.map((uid) => {
      const record = this.records.get(uid)!;
      return this.#copyIn(record, record.flags & ~(SystemFlag.expunged | SystemFlag.deleted), modseq, now);
    });
  }

  copyFrom(
    source: OracleMailbox,
    uids: readonly number[],
    move: boolean,
    user: string,
    now: number,
  ): number[] {
    const records = source.live().filter((record) => uids.includes(record.uid));
    if (records.length === 0) return [];
    const modseq = ++this.highestModseq;
    const wasSeen = records.map((record) => source.isSeenBy(user, record));
    const added = records.map((record, i) => {
      const flags = record.flags & ~SystemFlag.seen;
      if (!this.seenInRecord(user)) {
        const uid = this.#copyIn(record, flags, modseq, now);
        if (wasSeen[i]) this.setSeen(user, uid, true);
        return uid;
      }
      return this.#copyIn(record, wasSeen[i] ? flags | SystemFlag.seen : flags, modseq, now);
    });
    if (move)
      source.expunge(
        records.map((record) => record.uid),
        now,
      );
    return added;
  }

  /** What takes its place when it is renumbered; this one stands with the deleted ones then. */
  renumbered(
    uniqueId: string,
    uids: ReadonlyMap<number, number>,
    nextUid: number,
    now: number,
  ): OracleMailbox {
    const fresh = new OracleMailbox(uniqueId, this.name, this.partition);
    fresh.sharedSeen = this.sharedSeen;
    const modseq = (fresh.highestModseq = ++this.highestModseq + 1);
    let next = Math.max(nextUid, ...[...uids.values()].map((uid) => uid + 1));
    const moves = this.live().map((record) => ({ record, to: uids.get(record.uid) ?? next++ }));
    for (const { record, to } of moves.sort((a, b) => a.to - b.to)) {
      fresh.lastUid = to - 1;
      fresh.#copyIn(record, record.flags, modseq, now, record.saveDate);
      for (const [user, set] of this.seen) if (set.has(record.uid)) fresh.setSeen(user, to, true);
    }
    fresh.lastUid = Math.max(fresh.lastUid, nextUid - 1);
    return fresh;
  }

  annotate(
    uids: readonly number[],
    changes: readonly { entry: string; userId: string; value: Buffer | undefined }[],
    now: number,
  ): void {
    const records = this.live().filter((record) => uids.includes(record.uid));
    if (records.length === 0) return;
    const modseq = ++this.highestModseq;
    for (const record of records) {
      record.modseq = modseq;
      record.lastUpdated = now;
      for (const { entry, userId, value } of changes) {
        if (value === undefined) record.annotations.delete(`${entry}\0${userId}`);
        else record.annotations.set(`${entry}\0${userId}`, { entry, userId, modseq, value });
      }
    }
  }

  /** Tombstones that were expunged before `seconds` go for good, and the floor rises. */
  expire(seconds: number): void {
    for (const record of this.tombstones()) {
      if (record.lastUpdated >= seconds) continue;
      this.deletedModseq = Math.max(this.deletedModseq, record.modseq);
      this.records.delete(record.uid);
    }
  }
}
