/**
 * Brings one folder of the target to where the source is: what is new is copied, what has changed or gone since the last
 * run is carried over. A folder whose counters are those of the last run is not even opened.
 *
 * What the target's users did themselves stays: a flag is carried over only when it changed at the source, and only
 * messages that came from the source are ever expunged.
 */
import type { Clock } from "../../base/io/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Pace } from "../engine.ts";
import {
  countOf,
  type NumberRange,
  normalizeRanges,
  rangesInclude,
  rangesOf,
} from "../../wire/number-set.ts";
import type { FolderLedger } from "../ledger/folder-ledger.ts";
import { isStored, type LedgerRecord } from "../ledger/record.ts";
import { ImapClientError } from "../../imap/client-command.ts";
import { FolderCopy } from "./folder-copy.ts";
import type { Folder, FolderStatus } from "../../imap/client-folders.ts";
import type { MessageFlags } from "../../imap/client-fetch.ts";
import { place, unplacedText } from "./placeless.ts";
import { expungeFormer, formerUids, renumber, startAgain } from "./new-numbers.ts";
import type { ImapSource, Opened } from "./source.ts";
import type { MailTarget, Strays, TargetFolder } from "./target.ts";
import { below } from "./windows.ts";

/** Changes that are gathered before they are written. */
const CHANGES_A_WRITE = 2000;

export interface FolderWork {
  readonly source: ImapSource;
  readonly target: MailTarget;
  readonly folder: Folder;
  readonly targetFolder: TargetFolder;
  readonly ledger: FolderLedger;
  readonly pace: Pace;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly settings: FolderSettings;
  readonly copied: (messages: number, bytes: number, saved: number) => void;
  /** Before a FETCH: its first message. */
  readonly asked: (uid: number) => void;
  /** For the record: what could not be done. */
  readonly problem: (text: string) => void;
  /** What of the folder itself is carried over; for the cursor. */
  readonly attributes: Promise<string>;
}

export interface FolderSettings {
  /** What goes at the source goes at the target. */
  readonly propagateDeletes: boolean;
  /** Compare all flags where the server cannot tell which have changed. */
  readonly compareFlags: boolean;
  /** Messages that were refused or not given out are tried again. */
  readonly retryLosses: boolean;
  readonly windowSize: number;
  /** Larger messages are skipped; undefined = none. */
  readonly maxMessageBytes: number | undefined;
  /** Gmail's All Mail: only what lies in no other folder. */
  readonly withoutLabels: boolean;
  /** A message whose FETCH ended the connection: it is given up. */
  readonly givenUp: ReadonlyMap<number, string>;
}

export interface FolderResult {
  readonly saved: number;
  readonly expunged: number;
  readonly changedFlags: number;
}

/** Nothing has happened at the source since the last run, and the target still has what was copied. */
export function isUnchanged(
  status: FolderStatus,
  { cursor }: FolderLedger,
  targetFolder: TargetFolder | undefined,
  compareFlags: boolean,
): boolean {
  return (
    cursor.complete &&
    targetFolder !== undefined &&
    targetFolder.uidValidity === cursor.targetUidValidity &&
    status.uidValidity === cursor.uidValidity &&
    status.uidNext === cursor.uidNext &&
    status.messages === cursor.messages &&
    status.unseen === cursor.unseen &&
    status.highestModseq === cursor.highestModseq &&
    (status.highestModseq > 0 || !compareFlags)
  );
}

export interface FolderFetched {
  finish(): Promise<FolderResult>;
}

/**
 * Resolves when the source's connection is free again; what has come is stored and recorded by `finish`.
 * @throws what source, target or ledger throw; the ledger then has everything that was done
 */
export async function syncFolder(work: FolderWork): Promise<FolderFetched> {
  return await new FolderSync(work).run();
}

class FolderSync {
  readonly #work: FolderWork;
  #expunged = 0;
  #changedFlags = 0;

  constructor(work: FolderWork) {
    this.#work = work;
  }

  async run(): Promise<FolderFetched> {
    const { source, folder, ledger, targetFolder } = this.#work;
    const before = ledger.cursor;
    const isFresh = before.uidNext <= 1;
    const { opened, uids } = isFresh
      ? await source.openAndList(folder)
      : { opened: await source.open(folder), uids: undefined };
    if (before.uidValidity !== opened.uidValidity || before.targetUidValidity !== targetFolder.uidValidity) {
      await startAgain(this.#work, opened);
    } else await this.#carryChanges(opened);
    const todo = await this.#todo(opened, uids);
    // From here on what is copied has the flags of now or later: should this run die, the next carries on from here.
    ledger.change({
      uidNext: Math.max(before.uidNext, opened.uidNext),
      highestModseq: opened.highestModseq,
      complete: todo.length === 0 && before.complete,
    });
    const copy = await this.#fetch(todo);
    return { finish: () => this.#finish(opened, copy) };
  }

  async #finish(opened: Opened, copy: FolderCopy | undefined): Promise<FolderResult> {
    const { folder, ledger, target, targetFolder } = this.#work;
    await copy?.finish();
    this.#expunged += await expungeFormer(this.#work, opened);
    if (ledger.cursor.renumbers === true) await renumber(this.#work, opened);
    const { keepsUids } = ledger.cursor;
    const settled = await target.settle(targetFolder, { ...opened, keepUids: keepsUids });
    ledger.change({
      attributes: await this.#work.attributes,
      uidNext: opened.uidNext,
      highestModseq: opened.highestModseq,
      messages: opened.exists,
      unseen: folder.status?.unseen ?? 0,
      mailboxId: folder.status?.mailboxId ?? "",
      complete: ledger.cursor.counts.missing === 0,
      targetUidNext: settled.uidNext,
      targetUidValidity: settled.uidValidity,
    });
    await ledger.flush();
    return { saved: copy?.saved ?? 0, expunged: this.#expunged, changedFlags: this.#changedFlags };
  }

  /** Flags and deletions of messages that were copied before. */
  async #carryChanges(opened: Opened): Promise<void> {
    const { source, ledger, settings } = this.#work;
    const { uidNext, highestModseq, messages } = ledger.cursor;
    if (uidNext <= 1) return;
    const known = `1:${uidNext - 1}`;
    const canTell = highestModseq > 0 && opened.highestModseq > 0;
    let gone: readonly NumberRange[] | undefined;
    if (canTell && opened.highestModseq !== highestModseq) {
      const changes = new FlagChanges(this.#work);
      const { vanished } = await source.flags(known, (values) => changes.add(values.uid, values.flags), {
        modseq: highestModseq,
      });
      this.#changedFlags += await changes.write();
      gone = vanished;
    } else if (!canTell && settings.compareFlags) {
      const changes = new FlagChanges(this.#work);
      await source.flags(known, (values) => changes.add(values.uid, values.flags));
      this.#changedFlags += await changes.write();
    }
    if (gone !== undefined) await this.#expungeWithin(gone);
    else if (!canTell || opened.highestModseq !== highestModseq || opened.exists !== messages) {
      // Without QRESYNC an expunge need not change HIGHESTMODSEQ (RFC 7162 §3.1.2.2).
      await this.#expungeUnlisted(opened);
    }
  }

  /** The server named them; what it names too much is not in the ledger. */
  async #expungeWithin(gone: readonly NumberRange[]): Promise<void> {
    const ranges = normalizeRanges(gone);
    await this.#expungeWhere((uid) => rangesInclude(ranges, uid), ranges);
  }

  /** The server cannot name what went: everything that is left is compared. */
  async #expungeUnlisted({ exists }: Opened): Promise<void> {
    const listed = normalizeRanges(await this.#work.source.uids());
    // Messages of a server in trouble would be taken for deleted ones.
    if (countOf(listed) < exists) {
      throw new ImapClientError(`UID SEARCH lists ${countOf(listed)} of ${exists} messages`);
    }
    await this.#expungeWhere((uid) => !rangesInclude(listed, uid), undefined);
  }

  async #expungeWhere(
    isGone: (uid: number) => boolean,
    ranges: readonly NumberRange[] | undefined,
  ): Promise<void> {
    const { ledger, settings, target, targetFolder } = this.#work;
    if (ranges !== undefined && ranges.length === 0) return;
    let gone: LedgerRecord[] = [];
    const write = async (): Promise<void> => {
      if (settings.propagateDeletes) gone = [...(await place(this.#work, gone))];
      const uids = gone.filter((record) => isStored(record) && record.targetUid > 0);
      if (settings.propagateDeletes && uids.length > 0) {
        await target.expunge(
          targetFolder,
          uids.map(({ targetUid }) => targetUid),
        );
        this.#expunged += uids.length;
      }
      if (settings.propagateDeletes) this.#tellUnplaced("were deleted at the source", gone);
      for (const record of gone) await ledger.put({ ...record, outcome: "deleted" });
      gone = [];
    };
    for await (const record of ledger.all()) {
      if (record.outcome === "deleted" || !isGone(record.uid)) continue;
      gone.push(record);
      if (gone.length >= CHANGES_A_WRITE) await write();
    }
    await write();
    await ledger.flush();
  }

  #tellUnplaced(what: string, records: readonly LedgerRecord[]): void {
    const text = unplacedText(what, records);
    if (text !== undefined) this.#work.problem(text);
  }

  /** UIDs that are not in the ledger, or stand there as lost and shall be tried again. */
  async #todo(opened: Opened, all: readonly NumberRange[] | undefined): Promise<readonly NumberRange[]> {
    const { source, ledger, settings } = this.#work;
    const { cursor } = ledger;
    const uidNext = opened.uidNext > 0 ? opened.uidNext : 0x1_0000_0000;
    const isFresh = cursor.counts.saved + cursor.counts.already + cursor.counts.skipped === 0;
    const searchFrom = cursor.complete && !settings.retryLosses ? cursor.uidNext : 1;
    if (opened.exists === 0 || searchFrom >= uidNext) return [];
    const range = [{ first: searchFrom, last: uidNext - 1 }];
    const listed = below(all ?? (await source.uids(searchFrom === 1 ? undefined : range)), uidNext);
    const wanted = settings.withoutLabels ? await this.#unlabelled(listed) : listed;
    if (isFresh && settings.givenUp.size === 0 && cursor.counts.missing === 0) return wanted;
    const open: number[] = [];
    const settled = await this.#settledUids();
    for (const { first, last } of wanted) {
      for (let uid = first; uid <= last; uid++) if (!settled.has(uid)) open.push(uid);
    }
    await this.#giveUp(open);
    return rangesOf(open.filter((uid) => !settings.givenUp.has(uid)));
  }

  async #settledUids(): Promise<ReadonlySet<number>> {
    const { ledger, settings } = this.#work;
    const settled = new Set<number>();
    for await (const record of ledger.all()) {
      const isLost = record.outcome === "missing" || (record.outcome === "skipped" && settings.retryLosses);
      if (!isLost) settled.add(record.uid);
    }
    return settled;
  }

  async #giveUp(open: readonly number[]): Promise<void> {
    const { ledger, settings } = this.#work;
    for (const uid of open) {
      const reason = settings.givenUp.get(uid);
      if (reason === undefined) continue;
      const lost = { uid, targetUid: 0, sizeBytes: 0, outcome: "missing", internalDate: 0 } as const;
      await ledger.put({ ...lost, flagsHash: 0, guid: "" }, reason);
    }
  }

  async #unlabelled(listed: readonly NumberRange[]): Promise<readonly NumberRange[]> {
    const uids: number[] = [];
    await this.#work.source.labels(({ uid, labels }) => {
      // \Important and \Starred are marks, not places.
      const places = (labels ?? []).filter((label) => !/^\\?(?:Important|Starred)$/i.test(label));
      if (places.length === 0 && rangesInclude(listed, uid)) uids.push(uid);
    });
    return rangesOf(uids.sort((a, b) => a - b));
  }

  async #fetch(todo: readonly NumberRange[]): Promise<FolderCopy | undefined> {
    if (todo.length === 0) return undefined;
    const { source, target, targetFolder, ledger, pace, clock, signal, settings, copied, asked } = this.#work;
    const keepUids = ledger.cursor.keepsUids;
    const copy = new FolderCopy({
      source,
      target,
      folder: targetFolder,
      ledger,
      keepUids,
      strays: await this.#strays(keepUids),
      pace,
      clock,
      signal,
      windowSize: settings.windowSize,
      maxMessageBytes: settings.maxMessageBytes,
      batchesAhead: keepUids ? 1 : 2,
      copied,
      asked,
    });
    await copy.fetch(todo);
    return copy;
  }

  /** Where UIDs are kept the target sees by them what it has. */
  async #strays(keepUids: boolean): Promise<Strays | undefined> {
    const { ledger, target, targetFolder } = this.#work;
    const ownUid = ledger.cursor.targetUidNext;
    // Of what lies below our own last message only former copies are still to be recognised.
    const former = formerUids(this.#work);
    const fromUid = [...former].reduce((lowest, uid) => Math.min(lowest, uid), ownUid);
    if (keepUids || targetFolder.messages === 0 || targetFolder.uidNext <= fromUid) return undefined;
    const placed = new Set<number>();
    for await (const { targetUid } of ledger.all()) if (targetUid >= fromUid) placed.add(targetUid);
    const isKnown = (uid: number): boolean => placed.has(uid) || (uid < ownUid && !former.has(uid));
    const strays = await target.strays(targetFolder, fromUid, { has: isKnown });
    return strays.size === 0 ? undefined : strays;
  }
}

/** Flags that changed at the source, gathered and written in groups. */
class FlagChanges {
  readonly #work: FolderWork;
  #open: { uid: number; flags: MessageFlags }[] = [];

  constructor(work: FolderWork) {
    this.#work = work;
  }

  add(uid: number, flags: MessageFlags | undefined): void {
    if (flags !== undefined && uid > 0) this.#open.push({ uid, flags });
  }

  /** How many there were. */
  async write(): Promise<number> {
    const { ledger } = this.#work;
    let count = 0;
    let changed: LedgerRecord[] = [];
    const wanted = new Map<number, MessageFlags>();
    const flush = async (): Promise<void> => {
      await this.#carry(changed, wanted);
      changed = [];
      wanted.clear();
    };
    for (const { uid, flags } of this.#open.sort((a, b) => a.uid - b.uid)) {
      const record = await ledger.find(uid);
      if (record === undefined || !isStored(record) || record.flagsHash === flags.hash) continue;
      wanted.set(uid, flags);
      changed.push(record);
      count++;
      if (changed.length >= CHANGES_A_WRITE) await flush();
    }
    await flush();
    await ledger.flush();
    return count;
  }

  async #carry(changed: readonly LedgerRecord[], wanted: ReadonlyMap<number, MessageFlags>): Promise<void> {
    if (changed.length === 0) return;
    const { ledger, target, targetFolder, problem } = this.#work;
    const records = await place(this.#work, changed);
    const there = records.filter(({ targetUid }) => targetUid > 0);
    const changes = there.map(({ uid, targetUid }) => ({ uid: targetUid, flags: wanted.get(uid)! }));
    if (changes.length > 0) await target.setFlags(targetFolder, changes);
    for (const record of there) await ledger.put({ ...record, flagsHash: wanted.get(record.uid)!.hash });
    const text = unplacedText("have other flags at the source", records);
    if (text !== undefined) problem(text);
  }
}
