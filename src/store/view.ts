/** A mailbox's live records in memory, kept right by the deltas of commits. */
import type { Modseq, Uid } from "../base/numbers.ts";
import { rangesInclude, type NumberRanges } from "../wire/number-set.ts";
import { threadIdText } from "./committer/chunk.ts";
import type { KnownMailbox } from "./mailbox-row.ts";
import {
  SystemFlag,
  type Guid,
  type MailboxId,
  type MessageAnnotation,
  type MessageRecord,
  type UserId,
} from "./model.ts";
import { userOf } from "./names.ts";
import type { CommitDelta } from "./operations.ts";
import type { MailboxView } from "./port.ts";
import { RecentChanges } from "./recent-changes.ts";
import type { TombstoneColumns } from "./tombstone-columns.ts";
import type { ViewColumns } from "./view-columns.ts";

/** Memory of a view besides its columns, roughly. */
const FIXED_BYTES = 2048;

export interface ViewSources {
  readonly annotationsOf: (id: MailboxId, uid: number) => readonly MessageAnnotation[];
  readonly seen: {
    /** Grows with every change of any seen state. */
    readonly generation: number;
    rangesOf(user: UserId, uniqueId: string): NumberRanges;
  };
  readonly onReleased: (view: View) => void;
}

/** What is loaded from the database as of one commit. */
export interface LoadedView {
  readonly mailbox: KnownMailbox;
  readonly columns: ViewColumns;
  readonly tombstones: TombstoneColumns;
}

export class View implements MailboxView {
  readonly #sources: ViewSources;
  #columns: ViewColumns;
  #tombstones: TombstoneColumns;
  #recent: RecentChanges;
  #guids!: Buffer;
  #seenUser = "";
  #seenGeneration = -1;
  #seenRanges: NumberRanges = [];
  /** Who holds it. */
  holders = 0;
  /** State as of this commit. */
  commit: number;

  mailbox: KnownMailbox;
  count = 0;
  uids!: Uint32Array;
  modseqs!: Float64Array;
  systemFlags!: Uint8Array;
  keywordBits!: Uint32Array;
  internalDates!: Float64Array;
  saveDates!: Float64Array;
  sizes!: Float64Array;
  createdModseqs!: Float64Array;
  lastUpdated!: Float64Array;

  constructor(loaded: LoadedView, sources: ViewSources) {
    this.#sources = sources;
    this.#columns = loaded.columns;
    this.#tombstones = loaded.tombstones;
    this.#recent = new RecentChanges(loaded.mailbox.highestModseq);
    this.mailbox = loaded.mailbox;
    this.commit = loaded.mailbox.commit;
    this.#expose();
  }

  get sizeBytes(): number {
    return FIXED_BYTES + this.#columns.sizeBytes + this.#tombstones.sizeBytes;
  }

  /** Columns as long as there are records; pieces of the grown ones. */
  #expose(): void {
    const columns = this.#columns;
    const { count } = columns;
    this.count = count;
    this.uids = columns.uids.subarray(0, count);
    this.modseqs = columns.modseqs.subarray(0, count);
    this.systemFlags = columns.systemFlags.subarray(0, count);
    this.keywordBits = columns.keywordBits.subarray(0, 4 * count);
    this.internalDates = columns.internalDates.subarray(0, count);
    this.saveDates = columns.saveDates.subarray(0, count);
    this.sizes = columns.sizes.subarray(0, count);
    this.createdModseqs = columns.createdModseqs.subarray(0, count);
    this.lastUpdated = columns.lastUpdated.subarray(0, count);
    this.#guids = Buffer.from(columns.guids.buffer);
  }

  /** Replaces everything by what was loaded anew. */
  replace(loaded: LoadedView): void {
    this.#columns = loaded.columns;
    this.#tombstones = loaded.tombstones;
    this.#recent = new RecentChanges(loaded.mailbox.highestModseq);
    this.mailbox = loaded.mailbox;
    this.commit = loaded.mailbox.commit;
    this.#expose();
  }

  apply(delta: CommitDelta, mailbox: KnownMailbox): void {
    const commit = delta.numbers[0]!;
    if (commit <= this.commit) return;
    this.commit = commit;
    this.mailbox = mailbox;
    const { appended, changed, expunged } = delta;
    if (changed !== undefined) this.#columns.change(changed);
    if (appended !== undefined) this.#columns.append(appended.hot, appended.cold);
    if (expunged !== undefined) {
      this.#columns.remove(expunged.uids);
      this.#tombstones.addAll(expunged.uids, expunged.modseqs);
    }
    this.#remember(delta, mailbox.highestModseq);
    if (appended !== undefined || expunged !== undefined) this.#expose();
  }

  #remember({ appended, changed }: CommitDelta, highestModseq: number): void {
    // A commit may hold several modseqs of both kinds: the ring wants them in order.
    if (appended === undefined && changed === undefined) return;
    const count = (appended?.hot.uids.length ?? 0) + (changed?.uids.length ?? 0);
    if (count > RecentChanges.capacity) {
      this.#recent.forget(highestModseq);
      return;
    }
    const alone = appended === undefined ? changed : changed === undefined ? appended.hot : undefined;
    if (alone !== undefined && ascend(alone.modseqs)) {
      this.#recent.add(alone.uids, alone.modseqs, highestModseq);
      return;
    }
    const uids = [...(appended?.hot.uids ?? []), ...(changed?.uids ?? [])];
    const modseqs = [...(appended?.hot.modseqs ?? []), ...(changed?.modseqs ?? [])];
    const order = modseqs.map((_, i) => i);
    if (modseqs.some((modseq, i) => i > 0 && modseq < modseqs[i - 1]!)) {
      order.sort((a, b) => modseqs[a]! - modseqs[b]!);
    }
    this.#recent.add(
      Uint32Array.from(order, (i) => uids[i]!),
      Float64Array.from(order, (i) => modseqs[i]!),
      highestModseq,
    );
  }

  shareUids(): Uint32Array {
    this.#columns.uidsShared = true;
    return this.#columns.uids;
  }

  indexOf(uid: number): number {
    return this.#columns.indexOf(uid);
  }
  lowerBound(uid: number): number {
    return this.#columns.lowerBound(uid);
  }
  bodyId(index: number): number {
    return this.#columns.bodyIds[index]!;
  }
  guid(index: number): Guid {
    return this.#guids.toString("hex", 20 * index, 20 * index + 20);
  }
  threadId(index: number): string {
    return threadIdText(this.#columns.threadIds[2 * index]!, this.#columns.threadIds[2 * index + 1]!);
  }

  record(index: number): MessageRecord {
    const { mailbox, keywordBits } = this;
    const uid = this.uids[index]! as Uid;
    return {
      uid,
      modseq: this.modseqs[index]! as Modseq,
      createdModseq: this.createdModseqs[index]! as Modseq,
      lastUpdated: this.lastUpdated[index]!,
      internalDate: this.internalDates[index]!,
      sizeBytes: this.sizes[index]!,
      guid: this.guid(index),
      systemFlags: this.systemFlags[index]!,
      keywords: mailbox.keywords.filter(
        (_, bit) => (keywordBits[4 * index + (bit >>> 5)]! >>> (bit & 31)) & 1,
      ),
      threadId: this.threadId(index),
      saveDate: this.saveDates[index]!,
      annotations: mailbox.annotations === 0 ? [] : this.#sources.annotationsOf(mailbox.id, uid),
    };
  }

  changedSince(modseq: Modseq): readonly Uid[] {
    if (modseq >= this.mailbox.highestModseq) return [];
    const recent = this.#recent.since(modseq);
    const found: number[] = [];
    if (recent === undefined) {
      const { modseqs, uids, count } = this;
      for (let i = 0; i < count; i++) if (modseqs[i]! > modseq) found.push(uids[i]!);
      return found as Uid[];
    }
    const uids = Uint32Array.from(recent).sort();
    for (let i = 0; i < uids.length; i++) {
      if (i > 0 && uids[i] === uids[i - 1]) continue;
      const index = this.indexOf(uids[i]!);
      if (index >= 0 && this.modseqs[index]! > modseq) found.push(uids[i]!);
    }
    return found as Uid[];
  }

  vanishedSince(modseq: Modseq): readonly Uid[] | "unknown" {
    if (modseq < this.mailbox.deletedModseq) return "unknown";
    return modseq >= this.mailbox.highestModseq ? [] : this.#tombstones.since(modseq);
  }

  isSeenBy(user: UserId, index: number): boolean {
    const { mailbox } = this;
    if (user !== this.#seenUser || this.#seenGeneration !== this.#sources.seen.generation) {
      this.#seenUser = user;
      this.#seenGeneration = this.#sources.seen.generation;
      this.#seenRanges = this.#isOwnSeen(user) ? [] : this.#sources.seen.rangesOf(user, mailbox.uniqueId);
      this.#seenInRecord = this.#isOwnSeen(user);
    }
    if (this.#seenInRecord) return (this.systemFlags[index]! & SystemFlag.seen) !== 0;
    return rangesInclude(this.#seenRanges, this.uids[index]!);
  }
  #seenInRecord = false;

  #isOwnSeen(user: UserId): boolean {
    const { name, options } = this.mailbox;
    return user === "" || options.includes("sharedSeen") || userOf(name) === user;
  }

  /** Options or the name may decide otherwise now whose \Seen is in the record. */
  forgetSeen(): void {
    this.#seenGeneration = -1;
  }

  release(): void {
    this.#sources.onReleased(this);
  }
}

function ascend(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if (values[i]! < values[i - 1]!) return false;
  return true;
}
