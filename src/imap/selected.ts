/**
 * The selected mailbox of one session: the store's shared view and this session's own map from sequence numbers to
 * UIDs. What the client was told and what is true are compared in one place, `tellUpdates`, by modseq: wake-ups from
 * the store are only hints, so no update can be lost and none is told twice.
 *
 * The map changes only when EXISTS, EXPUNGE or VANISHED is sent; so sequence numbers mean the same to both sides
 * (RFC 9051 §7.5.1), and an expunge that may not be told yet keeps its place in the map.
 */
import type { Modseq, Uid } from "../base/numbers.ts";
import { Right, type Rights } from "../store/acl.ts";
import { SystemFlag, type Acl, type Mailbox, type MailboxId } from "../store/model.ts";
import { isDeletedName } from "../store/names.ts";
import type { MailboxView } from "../store/port.ts";
import { printNumbers, type NumberRange } from "../wire/number-set.ts";
import type { SequenceSet } from "./codec/reader.ts";
import { SYSTEM_FLAGS, writeFlags } from "./flags.ts";
import { SequenceMap } from "./sequence-map.ts";
import type { Session } from "./session.ts";
import { ToldFlags } from "./told-flags.ts";
import type { Steps } from "./turns.ts";

/** Messages looked at, or told, in one step. */
const TELL_STEP = 256;

export interface TellOptions {
  readonly expunges: boolean;
  /** FETCH responses carry the UID. */
  readonly uids?: boolean;
  /** The command's own answer is EXPUNGE responses. */
  readonly asked?: boolean;
  /** No command begins before all is told: EXPUNGE responses must not come amid some (RFC 9051 §7.5.1). */
  readonly alone?: boolean;
}

/** Who has more to say about what the client is told of the selected mailbox. */
export interface UpdateFollower {
  /** Just before EXPUNGE responses, while sequence numbers still hold (RFC 5267 §4.3.4). */
  expunging(uids: readonly number[]): void;
  /** Just after EXISTS and FETCH responses. A promise while it still writes, also about earlier news. */
  told(appended: readonly Uid[], changed: readonly Uid[]): Promise<void> | undefined;
}

export class Selected {
  readonly view: MailboxView;
  readonly readOnly: boolean;
  readonly #session: Session;
  /** The rights under this list. */
  #acl: Acl;
  #rights: Rights;
  readonly #map: SequenceMap;
  /** Everything up to here was told, expunges apart. */
  #toldModseq: number;
  #toldKeywords: number;
  /** What the session told by itself, so that it is not told again. */
  #noted = new ToldFlags();
  /** Updates that are still being told: others wait for them. */
  #telling: Promise<void> | undefined;
  /** \Recent in this session (RFC 3501 §2.3.2): ranges of UIDs this session claimed first. */
  readonly #recent: NumberRange[] = [];
  #recentCount = 0;
  /** Search contexts and NOTIFY, when there are any. */
  follower: UpdateFollower | undefined;
  /** The result of the last SEARCH with SAVE (`$`, RFC 9051 §6.4.4.1). */
  #saved: readonly number[] = [];

  constructor(session: Session, view: MailboxView, readOnly: boolean) {
    this.#session = session;
    this.view = view;
    this.#acl = view.mailbox.acl;
    this.#rights = session.rightsOn(view.mailbox);
    this.readOnly = readOnly;
    this.#map = new SequenceMap(view);
    this.#toldModseq = view.mailbox.highestModseq;
    this.#toldKeywords = view.mailbox.keywords.length;
    this.#claimRecent();
  }

  get mailbox(): Mailbox {
    return this.view.mailbox;
  }

  get id(): MailboxId {
    return this.view.mailbox.id;
  }

  /** Messages as the client counts them. */
  get count(): number {
    return this.#map.count;
  }

  get recentCount(): number {
    return this.#recentCount;
  }

  /** As the list is now: a right that was taken away is gone at once. */
  get rights(): Rights {
    const { mailbox } = this;
    if (mailbox.acl !== this.#acl) {
      this.#acl = mailbox.acl;
      this.#rights = this.#session.rightsOn(mailbox);
    }
    return this.#rights;
  }

  /** Deleted, or no longer to be read by this user. */
  get isGone(): boolean {
    return (
      isDeletedName(this.mailbox.name) ||
      (this.rights & Right.read) === 0 ||
      this.#session.services.store.mailboxes.byId(this.id) === undefined
    );
  }

  /** UID at a sequence number 1..count. */
  uidAt(sequence: number): Uid {
    return this.#map.uidAt(sequence - 1) as Uid;
  }

  /** Sequence number of a UID; 0 when the client does not know it. */
  sequenceOf(uid: number): number {
    return this.#map.indexOf(uid) + 1;
  }

  /** Sequence numbers of UIDs that ascend and are all known; one walk through the map. */
  sequencesOf(uids: readonly number[]): number[] {
    const numbers: number[] = [];
    let at = 0;
    for (const uid of uids) {
      while (at < this.#map.count && this.#map.uidAt(at) < uid) at++;
      numbers.push(at + 1);
    }
    return numbers;
  }

  isRecent(uid: number): boolean {
    return this.#recent.some(({ first, last }) => uid >= first && uid <= last);
  }

  /** Flags that this session may change for good (RFC 4314 §4 with the rights s, w, t). */
  get permanentFlags(): number {
    if (this.readOnly) return 0;
    return (
      (this.rights & Right.keepSeen ? SystemFlag.seen : 0) |
      (this.rights & Right.deleteMessage ? SystemFlag.deleted : 0) |
      (this.rights & Right.write ? SystemFlag.answered | SystemFlag.flagged | SystemFlag.draft : 0)
    );
  }

  /**
   * UIDs that a set names, ascending, of messages this client knows (some may be expunged meanwhile).
   * @throws ImapRefusal BAD when a sequence number is too large (RFC 9051 §9 seq-number)
   */
  resolve(set: SequenceSet, by: "sequence" | "uid"): Uid[] {
    const uids: Uid[] = [];
    if (set.saved) {
      for (const uid of this.#saved) if (this.sequenceOf(uid) !== 0) uids.push(uid as Uid);
      return uids;
    }
    // Positions in the map, as half-open ranges; in order and apart for most clients, merged for the others.
    const spans: [number, number][] = [];
    for (const { first, last } of set.ranges)
      spans.push(by === "uid" ? this.#map.uidSpan(first, last) : this.#map.span(first, last));
    spans.sort((a, b) => a[0] - b[0]);
    let next = 0;
    for (const [from, to] of spans) {
      for (let at = Math.max(from, next); at < to; at++) uids.push(this.#map.uidAt(at) as Uid);
      next = Math.max(next, to);
    }
    return uids;
  }

  save(uids: readonly number[]): void {
    this.#saved = uids;
  }

  get saved(): readonly number[] {
    return this.#saved;
  }

  /** The client was just told of this message's flags as of `modseq`. */
  note(uid: number, modseq: number): void {
    // What did not change since the last telling would not be told anyway.
    if (modseq > this.#toldModseq) this.#noted.add(uid, modseq);
  }

  /** The client knows what it changed: flags of these UIDs, which ascend, in one change that has this modseq. */
  noteOwn(uids: readonly number[], modseq: number): void {
    if (uids.length === 0 || modseq <= this.#toldModseq) return;
    const isNext = modseq === this.#toldModseq + 1;
    if (isNext && this.follower === undefined && this.#session.messageEvents?.changed !== false) {
      // Nothing else has happened: the client is up to date.
      this.tellNewKeywords();
      this.#toldModseq = modseq;
    } else this.#noted.addAll(uids, modseq);
  }

  /** True when `tellUpdates` would say something. */
  get hasNews(): boolean {
    return this.mailbox.highestModseq !== this.#toldModseq || this.#expungesWait();
  }

  /**
   * Tells what changed since the last time: expunges (only where allowed), new messages, keywords, flags; what NOTIFY
   * left out stays untold. The one place where the map changes.
   *
   * @returns a promise while search contexts or NOTIFY have more to say about it
   */
  tellUpdates(options: TellOptions): Promise<void> | undefined {
    if (this.#telling !== undefined) return this.#telling.then(() => this.tellUpdates(options));
    const steps = this.#tell(options);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
      const pause = this.#session.pause();
      if (pause === undefined) continue;
      const telling = this.#goOnTelling(steps, pause);
      this.#telling = telling;
      const done = (): void => {
        this.#telling = undefined;
      };
      telling.then(done, done);
      return telling;
    }
  }

  /** Long news in turns with other sessions. */
  async #goOnTelling(steps: Steps<Promise<void> | undefined>, firstPause: Promise<void>): Promise<void> {
    for (let pause: Promise<void> | undefined = firstPause; ;) {
      await pause;
      // Another mailbox is selected meanwhile, or none.
      if (this.#session.ended || this.#session.selectedOrUndefined !== this) return;
      const step = steps.next();
      if (step.done === true) return step.value;
      this.#session.out.flush();
      pause = this.#session.pause();
    }
  }

  *#tell({
    expunges,
    uids = false,
    asked = false,
    alone = false,
  }: TellOptions): Steps<Promise<void> | undefined> {
    const { view } = this;
    const { highestModseq } = view.mailbox;
    const events = this.#session.messageEvents;
    if ((asked || (expunges && events?.expunged !== false)) && this.#expungesWait())
      yield* this.#tellExpunges(alone);
    if (highestModseq === this.#toldModseq) {
      this.#noted.clear();
      return this.follower?.told([], []);
    }
    const knownBefore = this.#map.lastUid;
    const since = this.#toldModseq as Modseq;
    this.tellNewKeywords();
    const appended = events?.appended === false ? [] : this.#tellNew();
    if (events?.changed === false) return this.follower?.told(appended, []);
    this.#toldModseq = highestModseq;
    const noted = this.#noted;
    this.#noted = new ToldFlags();
    const changed: Uid[] = [];
    let looked = 0;
    for (const uid of view.changedSince(since)) {
      if (uid > knownBefore) break;
      if (++looked % TELL_STEP === 0) yield;
      const index = view.indexOf(uid);
      const sequence = this.sequenceOf(uid);
      if (index < 0 || sequence === 0) continue;
      changed.push(uid);
      if (!noted.has(uid, view.modseqs[index]!)) this.#tellFlags(index, uid, sequence, uids);
    }
    return this.follower?.told(appended, changed);
  }

  /** `* n FETCH (…FLAGS (…)…)` outside of FETCH itself. */
  #tellFlags(index: number, uid: number, sequence: number, uids: boolean): void {
    const session = this.#session;
    const { out } = session;
    out.ascii("* ").number(sequence).ascii(" FETCH (");
    // RFC 5465 §5.1: after NOTIFY always.
    if (uids || session.condstore || session.rev2 || session.watch !== undefined)
      out.ascii("UID ").number(uid).ascii(" ");
    if (session.condstore) out.ascii("MODSEQ (").number(this.view.modseqs[index]!).ascii(") ");
    out.ascii("FLAGS ");
    this.writeFlags(index, uid);
    out.ascii(")\r\n");
  }

  writeFlags(index: number, uid: number): void {
    const recent = this.#recentCount > 0 && !this.#session.rev2 && this.isRecent(uid);
    writeFlags(this.#session.out, this.view, index, this.#session.user, recent);
  }

  /** `* FLAGS (…)` and PERMANENTFLAGS: at SELECT and when a keyword is new. */
  tellFlagNames(): void {
    const { keywords } = this.mailbox;
    this.#toldKeywords = keywords.length;
    const keywordText = keywords
      .filter((keyword) => keyword !== "")
      .map((keyword) => ` ${keyword}`)
      .join("");
    const names = (bits: number): string =>
      SYSTEM_FLAGS.filter(([, bit]) => bits & bit)
        .map(([name]) => name)
        .join(" ");
    this.#session.untagged(`FLAGS (${names(63)}${keywordText})`);
    const permanent = this.permanentFlags;
    const mayName = !this.readOnly && this.rights & Right.write;
    const list = `${names(permanent)}${mayName ? `${keywordText} \\*` : ""}`.trim();
    this.#session.untagged(
      `OK [PERMANENTFLAGS (${list})] ${this.readOnly ? "Read-only" : "Kept over sessions"}`,
    );
  }

  /** Forgets the map and gives the view back. */
  release(): void {
    this.#map.clear();
    this.view.release();
  }

  /** Or a UID below the last known has come back by replication: no number is left for it until SELECT. */
  #expungesWait(): boolean {
    return !this.#map.isStillIn(this.view);
  }

  *#tellExpunges(mayPause: boolean): Steps<void> {
    const session = this.#session;
    const gonePositions = this.#map.missingIn(this.view);
    if (gonePositions.length === 0) return;
    const goneUids = gonePositions.map((position) => this.#map.uidAt(position));
    if (this.#recentCount > 0) {
      for (const uid of goneUids) if (this.isRecent(uid)) this.#recentCount--;
    }
    this.follower?.expunging(goneUids);
    this.#map.remove(gonePositions, this.view);
    if (session.enabled.has("QRESYNC") || session.enabled.has("UIDONLY")) {
      session.untagged(`VANISHED ${printNumbers(goneUids)}`);
      return;
    }
    // From the end, so that each number is right when it is read, whatever came before.
    const { out } = session;
    for (let i = gonePositions.length - 1; i >= 0; i--) {
      out
        .ascii("* ")
        .number(gonePositions[i]! + 1)
        .ascii(" EXPUNGE\r\n");
      if (mayPause && i % TELL_STEP === 0) yield;
    }
  }

  #tellNew(): readonly Uid[] {
    const { view } = this;
    const from = view.lowerBound(this.#map.lastUid + 1);
    if (from === view.count) return [];
    const uids = view.uids.subarray(from, view.count);
    this.#map.append(view);
    this.#session.untagged(`${this.count} EXISTS`);
    if (!this.#session.rev2) {
      this.#claimRecent();
      this.#session.untagged(`${this.#recentCount} RECENT`);
    }
    return this.follower === undefined ? [] : Array.from(uids, (uid) => uid as Uid);
  }

  /** Before flags that may name a new keyword. */
  tellNewKeywords(): void {
    if (this.mailbox.keywords.length !== this.#toldKeywords) this.tellFlagNames();
  }

  /** The first session that is told of a message has it as \Recent; EXAMINE does not take it away from others. */
  #claimRecent(): void {
    const { view } = this;
    const { recentUid, lastUid } = view.mailbox;
    const session = this.#session;
    if (session.rev2 || lastUid <= recentUid) return;
    const last = this.#recent.at(-1);
    const first = Math.max(recentUid, last?.last ?? 0) + 1;
    if (first > lastUid) return;
    this.#recent.push({ first, last: lastUid });
    this.#recentCount += view.lowerBound(lastUid + 1) - view.lowerBound(first);
    if (this.readOnly) return;
    const nowSeconds = Math.floor(session.services.clock.nowMs() / 1000);
    session.services.store.setRecent(this.id, lastUid, nowSeconds).catch((error: unknown) => {
      // The next session sees them as recent once more: harmless.
      session.services.log.debug("recent not kept", { session: session.id, err: error });
    });
  }
}
