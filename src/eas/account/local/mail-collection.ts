/** A mailbox of the store as a collection of mail: what the view knows is answered from memory. */
import { assert } from "../../../base/assert.ts";
import { toModseq, type Uid } from "../../../base/numbers.ts";
import { effectiveRights, requireRights } from "../../../store/access.ts";
import { Right } from "../../../store/acl.ts";
import { type Mailbox, SystemFlag } from "../../../store/model.ts";
import type { FlagChange, MailboxView, Store } from "../../../store/port.ts";
import { decodeMarks, encodeMarks, type ItemMarks } from "../item-marks.ts";
import {
  AccountError,
  type AppendOptions,
  type FailedItem,
  type FolderUse,
  type ItemFlagChange,
  type ItemState,
  type MailCollection,
  type MailItem,
} from "../port.ts";
import { asAccount } from "./failure.ts";
import { mayRead } from "./folder-tree.ts";
import { readItems } from "./mail-items.ts";
import type { LocalUser } from "./services.ts";

const NO_UIDS = new Uint32Array(0);
/** Follow-up dates and verbs (RFC 5257 §3.2). */
const MARKS_ENTRY = "/vendor/rookery/activesync";
/** Changed and shown states of so many messages are remembered. */
const MAX_SHOWN = 10_000;

export class LocalCollection implements MailCollection {
  readonly #store: Store;
  readonly #user: LocalUser;
  readonly #useOf: () => FolderUse;
  readonly #epochSuffix: string;
  /** As it was when the collection was opened. */
  readonly #opened: Mailbox;
  /** Loaded when the first message is asked for: what the header tells costs no view. */
  #loading: Promise<MailboxView> | undefined;
  #loaded: MailboxView | undefined;
  #released = false;
  /** Modseqs that `states` showed first, so that a change of somebody else in between is noticed. */
  readonly #shown = new Map<Uid, number>();

  constructor(store: Store, user: LocalUser, mailbox: Mailbox, useOf: () => FolderUse, epochSuffix = "") {
    this.#store = store;
    this.#user = user;
    this.#opened = mailbox;
    this.#useOf = useOf;
    this.#epochSuffix = epochSuffix;
  }

  get #mailbox(): Mailbox {
    return this.#loaded?.mailbox ?? this.#store.mailboxes.byId(this.#opened.id) ?? this.#opened;
  }
  get key(): string {
    return this.#opened.uniqueId;
  }
  get epoch(): string {
    return `${this.#mailbox.uidValidity}${this.#epochSuffix}`;
  }
  get highestModseq(): number {
    return Math.max(1, this.#mailbox.highestModseq);
  }
  get use(): FolderUse {
    return this.#useOf();
  }
  get uidNext(): number {
    return this.#mailbox.lastUid + 1;
  }

  #view(): MailboxView | Promise<MailboxView> {
    if (this.#loaded !== undefined) return this.#loaded;
    assert(!this.#released, "a collection is used after its release");
    this.#loading ??= asAccount(this.#store.open(this.#opened.id)).then((view) => {
      if (this.#released) view.release();
      this.#loaded = view;
      return view;
    });
    return this.#loading;
  }

  async uids(since: number): Promise<Uint32Array> {
    const { uids, internalDates, systemFlags, count, mailbox } = await this.#view();
    if (since <= 0 && mailbox.flaggedDeleted === 0) return uids;
    const found = new Uint32Array(count);
    let length = 0;
    for (let i = 0; i < count; i++) {
      if (internalDates[i]! >= since && (systemFlags[i]! & SystemFlag.deleted) === 0) {
        found[length++] = uids[i]!;
      }
    }
    return found.subarray(0, length);
  }

  async changedAfter(
    position: { readonly modseq: number; readonly uid: Uid },
    limit: number,
  ): Promise<readonly ItemState[]> {
    const view = await this.#view();
    const changed = view.changedSince(toModseq(Math.max(0, position.modseq - 1)));
    const indexes: number[] = [];
    for (const uid of changed) {
      const index = view.indexOf(uid);
      const modseq = view.modseqs[index]!;
      if (modseq > position.modseq || (modseq === position.modseq && uid > position.uid)) indexes.push(index);
    }
    return earliest(view, indexes, limit).map((index) => this.#stateAt(view, index));
  }

  async vanishedSince(modseq: number): Promise<Uint32Array | "unknown"> {
    const view = await this.#view();
    if (modseq >= view.mailbox.highestModseq) return NO_UIDS;
    const vanished = view.vanishedSince(toModseq(modseq));
    return vanished === "unknown" ? vanished : Uint32Array.from(vanished).sort();
  }

  async states(uids: readonly Uid[]): Promise<readonly ItemState[]> {
    const view = await this.#view();
    const states: ItemState[] = [];
    for (const uid of uids) {
      const index = view.indexOf(uid);
      if (index < 0) continue;
      const state = this.#stateAt(view, index);
      if (!this.#shown.has(uid) && this.#shown.size < MAX_SHOWN) this.#shown.set(uid, state.modseq);
      states.push(state);
    }
    return states;
  }

  async *items(uids: readonly Uid[]): AsyncGenerator<MailItem | FailedItem> {
    const view = await this.#view();
    const stateAt = (index: number): ItemState => this.#stateAt(view, index);
    yield* readItems({ store: this.#store, view, stateAt }, uids);
  }

  #stateAt(view: MailboxView, index: number): ItemState {
    const { keywordBits } = view;
    const at = 4 * index;
    const hasKeywords =
      (keywordBits[at]! | keywordBits[at + 1]! | keywordBits[at + 2]! | keywordBits[at + 3]!) !== 0;
    const flags = view.systemFlags[index]! & ~SystemFlag.seen;
    return {
      uid: view.uids[index]! as Uid,
      modseq: view.modseqs[index]!,
      systemFlags: view.isSeenBy(this.#user.userId, index) ? flags | SystemFlag.seen : flags,
      keywords: hasKeywords
        ? view.mailbox.keywords.filter((_, bit) => (keywordBits[at + (bit >>> 5)]! >>> (bit & 31)) & 1)
        : [],
      internalDate: view.internalDates[index]!,
      sizeBytes: view.sizes[index]!,
      ...this.#marksOf(view.uids[index]! as Uid),
    };
  }

  /** An annotation of everybody, as \Flagged is a flag of everybody; it is replicated with the message. */
  #marksOf(uid: Uid): Pick<ItemState, "marks"> | undefined {
    const found = this.#store.annotations
      .ofMessage(this.#opened.id, uid)
      .find(({ entry, userId }) => entry === MARKS_ENTRY && userId === "");
    return found && { marks: decodeMarks(found.value) };
  }

  async storeFlags(uids: readonly Uid[], change: ItemFlagChange): Promise<ReadonlyMap<Uid, number>> {
    const view = await this.#view();
    const { add, remove, marks } = this.#permitted(change);
    const modseqs = new Map<Uid, number>();
    for (const uid of uids) {
      const index = view.indexOf(uid);
      if (index < 0) continue;
      const state = this.#stateAt(view, index);
      // One change with one modseq, whatever is added and taken away.
      const replacement: FlagChange = {
        mode: "replace",
        systemFlags: (state.systemFlags | add.systemFlags) & ~remove.systemFlags,
        keywords: [
          ...new Set([...state.keywords, ...add.keywords].filter((word) => !hasWord(remove.keywords, word))),
        ],
        unchangedSince: toModseq(state.modseq),
      };
      const known = this.#shown.get(uid) ?? state.modseq;
      const modseq = await asAccount(this.#replace(view, uid, replacement, change));
      if (modseq === undefined) continue;
      const marked = marks === undefined ? modseq : await asAccount(this.#mark(view, uid, marks, modseq));
      modseqs.set(uid, marked.retried || known !== state.modseq ? 0 : marked.value);
      this.#shown.set(uid, marked.value);
    }
    return modseqs;
  }

  /** Loses against a change that came in between: then once more with what is there now. */
  async #replace(
    view: MailboxView,
    uid: Uid,
    replacement: FlagChange,
    change: ItemFlagChange,
  ): Promise<{ readonly value: number; readonly retried: boolean } | undefined> {
    const { id } = this.#opened;
    const done = await this.#store.storeFlags(id, [uid], replacement, this.#user.by);
    const index = view.indexOf(uid);
    if (index < 0) return undefined;
    if (done.modified.length === 0) {
      return { value: done.changed.length > 0 ? done.modseq : view.modseqs[index]!, retried: false };
    }
    const { add, remove } = this.#permitted(change);
    for (const [mode, part] of [["add", add] as const, ["remove", remove] as const]) {
      if (part.systemFlags === 0 && part.keywords.length === 0) continue;
      await this.#store.storeFlags(id, [uid], { mode, ...part }, this.#user.by);
    }
    const after = view.indexOf(uid);
    return after < 0 ? undefined : { value: view.modseqs[after]!, retried: true };
  }

  async #mark(
    view: MailboxView,
    uid: Uid,
    marks: ItemMarks,
    before: { readonly value: number; readonly retried: boolean },
  ): Promise<{ readonly value: number; readonly retried: boolean }> {
    const index = view.indexOf(uid);
    // Somebody was faster between the two changes: his is not to be taken for ours.
    const isOvertaken = index >= 0 && view.modseqs[index]! !== before.value;
    const value = encodeMarks(marks);
    const annotation = { entry: MARKS_ENTRY, userId: "", value };
    const { by } = this.#user;
    const { modseq } = await this.#store.annotateMessages(this.#opened.id, [uid], [annotation], by);
    return { value: modseq, retried: before.retried || isOvertaken };
  }

  /** RFC 4314 §4: flags without the right are passed over; a change of which nothing is left is refused. */
  #permitted(change: ItemFlagChange): ItemFlagChange {
    const rights = effectiveRights(this.#mailbox, this.#user);
    const mask =
      (rights & Right.keepSeen ? SystemFlag.seen : 0) |
      (rights & Right.deleteMessage ? SystemFlag.deleted : 0) |
      (rights & Right.write ? SystemFlag.answered | SystemFlag.flagged | SystemFlag.draft : 0);
    const keywords = (rights & Right.write) !== 0;
    const permit = (part: ItemFlagChange["add"]): ItemFlagChange["add"] => ({
      systemFlags: part.systemFlags & mask,
      keywords: keywords ? part.keywords : [],
    });
    const permitted: ItemFlagChange = {
      add: permit(change.add),
      remove: permit(change.remove),
      ...(change.marks === undefined || !keywords ? {} : { marks: change.marks }),
    };
    const size = ({ add, remove, marks }: ItemFlagChange): number =>
      (add.systemFlags | remove.systemFlags) +
      add.keywords.length +
      remove.keywords.length +
      (marks === undefined ? 0 : 1);
    if (size(change) > 0 && size(permitted) === 0) {
      throw new AccountError("permission_denied", "the rights s, w and t are missing");
    }
    return permitted;
  }

  async move(uids: readonly Uid[], targetKey: string): Promise<ReadonlyMap<Uid, Uid>> {
    const target = this.#store.mailboxes.byUniqueId(targetKey);
    if (target === undefined || !mayRead(target, this.#user) || target.intermediate) {
      throw new AccountError("folder_missing", "the target folder is not there");
    }
    this.#require(Right.deleteMessage | Right.expunge);
    return asAccount(
      (async () => {
        requireRights(target, this.#user, Right.insert);
        const view = await this.#view();
        const live = uids.filter((uid) => view.indexOf(uid) >= 0);
        if (live.length === 0) return new Map<Uid, Uid>();
        const moved = await this.#store.copy(this.#opened.id, live, target.id, { move: true }, this.#user.by);
        return new Map(moved.sourceUids.map((uid, i) => [uid, moved.targetUids[i]!]));
      })(),
    );
  }

  async expunge(uids: readonly Uid[]): Promise<void> {
    this.#require(Right.deleteMessage | Right.expunge);
    await asAccount(this.#store.expunge(this.#opened.id, uids, { onlyDeleted: false }, this.#user.by));
  }

  async append(
    message: Buffer,
    options: AppendOptions,
  ): Promise<{ readonly uid: Uid; readonly modseq: number }> {
    this.#require(Right.insert);
    const { systemFlags, keywords, internalDate } = options;
    const { uids, modseq } = await asAccount(
      this.#store.append(
        this.#opened.id,
        [
          {
            body: this.#store.stageBuffer(message),
            systemFlags,
            keywords,
            ...(internalDate === undefined ? {} : { internalDate }),
          },
        ],
        this.#user.by,
      ),
    );
    return { uid: uids[0]!, modseq };
  }

  #require(rights: number): void {
    if ((effectiveRights(this.#mailbox, this.#user) & rights) !== rights) {
      throw new AccountError("permission_denied", "rights on the folder are missing");
    }
  }

  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#loaded?.release();
  }
}

function hasWord(keywords: readonly string[], word: string): boolean {
  const lower = word.toLowerCase();
  return keywords.some((keyword) => keyword.toLowerCase() === lower);
}

/** The `limit` first in order of (modseq, uid). */
function earliest(view: MailboxView, indexes: number[], limit: number): number[] {
  const { modseqs } = view;
  let candidates = indexes;
  if (indexes.length > 4 * limit) {
    // Where one change touched everything, order of uid decides among equals: only higher modseqs can be left out.
    const sorted = Float64Array.from(indexes, (index) => modseqs[index]!).sort();
    const bound = sorted[limit - 1]!;
    candidates = indexes.filter((index) => modseqs[index]! <= bound);
  }
  // Indexes ascend with the UIDs, and sorting is stable.
  candidates.sort((a, b) => modseqs[a]! - modseqs[b]!);
  return candidates.slice(0, limit);
}
