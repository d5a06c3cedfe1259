/**
 * A second implementation of the store's port, in memory and without durability: for tests of rooms that need mailboxes
 * and no disk. One commit at a time; what it does not have throws.
 */
import { createHash } from "node:crypto";
import { toModseq, toUid, type Modseq, type Uid } from "../../src/base/numbers.ts";
import { summarize } from "../../src/mime/summarize.ts";
import { initialAcl } from "../../src/store/acl.ts";
import { StoreError } from "../../src/store/errors.ts";
import { SystemFlag, type Mailbox, type MailboxId, type MailboxName } from "../../src/store/model.ts";
import { isBelow, compareNames, parentOf, userOf } from "../../src/store/names.ts";
import type {
  Actor,
  AnnotationChange,
  CreateMailbox,
  FeedEntry,
  FeedKind,
  FlagChange,
  MailboxDelta,
  MailboxView,
  NewMessage,
  StagedBody,
  Store,
} from "../../src/store/port.ts";
import { MemoryAnnotations, MemoryQuotas } from "./memory-metadata.ts";

interface Row {
  uid: Uid;
  modseq: number;
  createdModseq: number;
  systemFlags: number;
  keywords: Set<string>;
  internalDate: number;
  saveDate: number;
  bytes: Buffer;
  guid: string;
  readers: Set<string>;
}

interface Folder {
  mailbox: { -readonly [Key in keyof Mailbox]: Mailbox[Key] };
  rows: Row[];
  tombstones: { uid: Uid; modseq: number }[];
  listeners: Set<(delta: MailboxDelta) => void>;
  version: number;
}

class MemoryBody implements StagedBody {
  readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  get sizeBytes(): number {
    return this.bytes.length;
  }
  read(offset: number, length: number): Promise<Buffer> {
    return Promise.resolve(this.bytes.subarray(offset, offset + length));
  }
  release(): void {
    // Memory is freed by itself.
  }
}

class MemoryView implements MailboxView {
  readonly #folder: Folder;
  #version = -1;
  uids = new Uint32Array(0);
  modseqs = new Float64Array(0);
  systemFlags = new Uint8Array(0);
  keywordBits = new Uint32Array(0);
  internalDates = new Float64Array(0);
  saveDates = new Float64Array(0);
  sizes = new Float64Array(0);
  createdModseqs = new Float64Array(0);
  lastUpdated = new Float64Array(0);

  constructor(folder: Folder) {
    this.#folder = folder;
    this.refresh();
  }

  refresh(): void {
    const { rows, version, mailbox } = this.#folder;
    if (version === this.#version) return;
    this.#version = version;
    this.uids = Uint32Array.from(rows, (row) => row.uid);
    this.modseqs = Float64Array.from(rows, (row) => row.modseq);
    this.systemFlags = Uint8Array.from(rows, (row) => row.systemFlags);
    this.internalDates = Float64Array.from(rows, (row) => row.internalDate);
    this.saveDates = Float64Array.from(rows, (row) => row.saveDate);
    this.sizes = Float64Array.from(rows, (row) => row.bytes.length);
    this.createdModseqs = Float64Array.from(rows, (row) => row.createdModseq);
    this.lastUpdated = Float64Array.from(rows, (row) => row.internalDate);
    this.keywordBits = new Uint32Array(4 * rows.length);
    rows.forEach((row, index) => {
      for (const keyword of row.keywords) {
        const bit = mailbox.keywords.indexOf(keyword);
        this.keywordBits[4 * index + (bit >>> 5)]! |= 1 << (bit & 31);
      }
    });
  }

  get mailbox(): Mailbox {
    return this.#folder.mailbox;
  }
  get count(): number {
    return this.#folder.rows.length;
  }
  indexOf(uid: number): number {
    const index = this.lowerBound(uid);
    return this.uids[index] === uid ? index : -1;
  }
  lowerBound(uid: number): number {
    let low = 0;
    let high = this.uids.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.uids[middle]! < uid) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  guid(index: number): string {
    return this.#folder.rows[index]!.guid;
  }
  threadId(): string {
    return "";
  }
  record(): never {
    throw new Error("records are not kept here");
  }
  changedSince(modseq: Modseq): Uid[] {
    return this.#folder.rows.filter((row) => row.modseq > modseq).map((row) => row.uid);
  }
  vanishedSince(modseq: Modseq): Uid[] | "unknown" {
    if (modseq < this.#folder.mailbox.deletedModseq) return "unknown";
    return this.#folder.tombstones
      .filter((stone) => stone.modseq > modseq)
      .map(({ uid }) => uid)
      .sort((a, b) => a - b);
  }
  isSeenBy(user: string, index: number): boolean {
    const row = this.#folder.rows[index]!;
    return userOf(this.mailbox.name) === user
      ? (row.systemFlags & SystemFlag.seen) !== 0
      : row.readers.has(user);
  }
  release(): void {
    // Nothing is counted.
  }
}

/** Views are refreshed at each commit, as the store's are. */
export class MemoryStore {
  readonly #folders = new Map<MailboxId, Folder>();
  readonly #views = new Map<MailboxId, MemoryView>();
  readonly #subscriptions = new Map<string, Set<MailboxName>>();
  readonly #nowMs: () => number;
  #nextId = 1;
  #sequence = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get #now(): number {
    return Math.floor(this.#nowMs() / 1000);
  }

  #sorted(): Folder[] {
    return [...this.#folders.values()].sort((a, b) => compareNames(a.mailbox.name, b.mailbox.name));
  }

  #byName(name: MailboxName): Folder | undefined {
    return [...this.#folders.values()].find((folder) => folder.mailbox.name === name);
  }

  #folder(id: MailboxId): Folder {
    const folder = this.#folders.get(id);
    if (folder === undefined) throw new StoreError("mailbox_not_found", "mailbox does not exist");
    return folder;
  }

  readonly mailboxes = {
    find: (name: MailboxName): Mailbox | undefined => this.#byName(name)?.mailbox,
    get: (name: MailboxName): Mailbox => {
      const folder = this.#byName(name);
      if (folder === undefined) throw new StoreError("mailbox_not_found", "mailbox does not exist");
      return folder.mailbox;
    },
    byId: (id: MailboxId): Mailbox | undefined => this.#folders.get(id)?.mailbox,
    byUniqueId: (uniqueId: string): Mailbox | undefined =>
      this.#sorted().find(({ mailbox }) => mailbox.uniqueId === uniqueId)?.mailbox,
    list: (prefix: MailboxName): Mailbox[] =>
      this.#sorted()
        .map(({ mailbox }) => mailbox)
        .filter(({ name }) => name.startsWith(prefix)),
    sharedWith: (identifiers: readonly string[]): Mailbox[] =>
      this.#sorted()
        .map(({ mailbox }) => mailbox)
        .filter(({ acl }) => acl.some(({ identifier }) => identifiers.includes(identifier))),
    ofUser: (user: string): Mailbox[] =>
      this.#sorted()
        .map(({ mailbox }) => mailbox)
        .filter(({ name }) => userOf(name) === user),
    tombstones: () => [],
    hasChildren: (name: MailboxName): boolean =>
      this.#sorted().some(({ mailbox }) => isBelow(mailbox.name, name)),
  };

  readonly quotas = new MemoryQuotas(() => this.mailboxes.list(""));
  readonly annotations = new MemoryAnnotations();
  readonly #catalogListeners = new Set<(entries: readonly FeedEntry[]) => void>();

  onAnyChange(listener: (entries: readonly FeedEntry[]) => void): () => void {
    this.#catalogListeners.add(listener);
    return () => this.#catalogListeners.delete(listener);
  }

  #tellAll(kind: FeedKind, { id, uniqueId, name, highestModseq }: Mailbox, user = userOf(name)): void {
    const entry: FeedEntry = {
      sequence: ++this.#sequence,
      kind,
      mailbox: id,
      uniqueId,
      name,
      user,
      modseq: highestModseq,
      atMs: this.#nowMs(),
    };
    for (const listener of this.#catalogListeners) listener([entry]);
  }

  readonly subscriptions = {
    list: (user: string): MailboxName[] => [...(this.#subscriptions.get(user) ?? [])],
    has: (user: string, name: MailboxName): boolean => this.#subscriptions.get(user)?.has(name) ?? false,
    set: async (user: string, name: MailboxName, subscribed: boolean): Promise<void> => {
      const names = this.#subscriptions.get(user) ?? new Set();
      this.#subscriptions.set(user, names);
      if (subscribed) names.add(name);
      else names.delete(name);
      const mailbox = this.#byName(name)?.mailbox;
      if (mailbox !== undefined) this.#tellAll("subscription", mailbox, user);
      return Promise.resolve();
    },
  };

  async open(id: MailboxId): Promise<MailboxView> {
    await Promise.resolve();
    const folder = this.#folder(id);
    const view = this.#views.get(id) ?? new MemoryView(folder);
    this.#views.set(id, view);
    return view;
  }

  stage(): { write(chunk: Buffer): Promise<void>; finish(): Promise<StagedBody>; discard(): void } {
    const chunks: Buffer[] = [];
    return {
      async write(chunk) {
        chunks.push(Buffer.from(chunk));
        await Promise.resolve();
      },
      finish: () => Promise.resolve(new MemoryBody(Buffer.concat(chunks))),
      discard: () => undefined,
    };
  }

  stageBuffer(bytes: Buffer): StagedBody {
    return new MemoryBody(Buffer.from(bytes));
  }

  #commit(folder: Folder, delta: Partial<MailboxDelta>): void {
    const { mailbox, rows } = folder;
    mailbox.exists = rows.length;
    mailbox.unseen = rows.filter((row) => !(row.systemFlags & SystemFlag.seen)).length;
    mailbox.flaggedDeleted = rows.filter((row) => row.systemFlags & SystemFlag.deleted).length;
    mailbox.sizeBytes = rows.reduce((sum, row) => sum + row.bytes.length, 0);
    folder.version++;
    this.#views.get(mailbox.id)?.refresh();
    const full: MailboxDelta = {
      mailbox,
      appended: [],
      changed: [],
      expunged: [],
      bySession: 0,
      nameOrAclChanged: false,
      deleted: false,
      ...delta,
    };
    for (const listener of folder.listeners) listener(full);
    if (full.appended.length > 0) this.#tellAll("append", mailbox);
    if (full.changed.length > 0) this.#tellAll("flags", mailbox);
    if (full.expunged.length > 0) this.#tellAll("expunge", mailbox);
  }

  #nextModseq(folder: Folder): Modseq {
    folder.mailbox.highestModseq = toModseq(folder.mailbox.highestModseq + 1);
    return folder.mailbox.highestModseq;
  }

  #keywords(folder: Folder, keywords: Iterable<string>): Set<string> {
    const known = new Set<string>();
    for (const keyword of keywords) {
      const existing = folder.mailbox.keywords.find((name) => name.toLowerCase() === keyword.toLowerCase());
      if (existing === undefined) folder.mailbox.keywords = [...folder.mailbox.keywords, keyword];
      known.add(existing ?? keyword);
    }
    return known;
  }

  async append(target: MailboxId, messages: readonly NewMessage[], by: Actor) {
    await Promise.resolve();
    const folder = this.#folder(target);
    const modseq = this.#nextModseq(folder);
    const uids: Uid[] = [];
    for (const message of messages) {
      if (!(message.body instanceof MemoryBody)) throw new Error("only staged bodies here");
      const { bytes } = message.body;
      const uid = toUid(++folder.mailbox.lastUid);
      uids.push(uid);
      folder.rows.push({
        uid,
        modseq,
        createdModseq: modseq,
        systemFlags: message.systemFlags,
        keywords: this.#keywords(folder, message.keywords),
        internalDate: message.internalDate ?? this.#now,
        saveDate: this.#now,
        bytes,
        guid: createHash("sha1").update(bytes).digest("hex"),
        readers: new Set(message.systemFlags & SystemFlag.seen ? [by.userId] : []),
      });
      if (message.annotations !== undefined)
        this.annotations.setOfMessage(target, uid, message.annotations, modseq);
    }
    this.#commit(folder, { appended: uids, bySession: by.sessionId });
    return { uidValidity: folder.mailbox.uidValidity, uids, modseq };
  }

  async storeFlags(id: MailboxId, uids: readonly Uid[], change: FlagChange, by: Actor) {
    await Promise.resolve();
    const folder = this.#folder(id);
    const changed: Uid[] = [];
    const modified: Uid[] = [];
    const modseq = toModseq(folder.mailbox.highestModseq + 1);
    const mine = userOf(folder.mailbox.name) === by.userId;
    const keywords = this.#keywords(folder, change.keywords);
    for (const row of folder.rows) {
      if (!uids.includes(row.uid)) continue;
      if (change.unchangedSince !== undefined && row.modseq > change.unchangedSince) {
        modified.push(row.uid);
        continue;
      }
      const seen = mine
        ? row.systemFlags & SystemFlag.seen
        : row.readers.has(by.userId)
          ? SystemFlag.seen
          : 0;
      const before = (row.systemFlags & ~SystemFlag.seen) | seen;
      const allowed = change.allowedSystemFlags ?? 63;
      let after = before;
      let words = new Set(row.keywords);
      if (change.mode === "add") {
        after |= change.systemFlags;
        words = new Set([...words, ...keywords]);
      } else if (change.mode === "remove") {
        after &= ~change.systemFlags;
        for (const keyword of keywords) words.delete(keyword);
      } else {
        after = (before & ~allowed) | (change.systemFlags & allowed);
        if (change.keywordsAllowed !== false) words = keywords;
      }
      const same = words.size === row.keywords.size && [...words].every((word) => row.keywords.has(word));
      if (after === before && same) continue;
      if (mine) row.systemFlags = after;
      else {
        row.systemFlags = (row.systemFlags & SystemFlag.seen) | (after & ~SystemFlag.seen);
        if (after & SystemFlag.seen) row.readers.add(by.userId);
        else row.readers.delete(by.userId);
      }
      row.keywords = words;
      row.modseq = modseq;
      changed.push(row.uid);
    }
    if (changed.length > 0) {
      this.#nextModseq(folder);
      this.#commit(folder, { changed, bySession: by.sessionId });
    }
    return { modseq: folder.mailbox.highestModseq, changed, modified };
  }

  async expunge(id: MailboxId, uids: readonly Uid[] | "all", options: { onlyDeleted: boolean }, by: Actor) {
    await Promise.resolve();
    const folder = this.#folder(id);
    const gone = folder.rows.filter(
      (row) =>
        (uids === "all" || uids.includes(row.uid)) &&
        (!options.onlyDeleted || (row.systemFlags & SystemFlag.deleted) !== 0),
    );
    if (gone.length > 0) {
      const modseq = this.#nextModseq(folder);
      folder.rows = folder.rows.filter((row) => !gone.includes(row));
      folder.tombstones.push(...gone.map(({ uid }) => ({ uid, modseq })));
      this.#commit(folder, { expunged: gone.map(({ uid }) => uid), bySession: by.sessionId });
    }
    return { uids: gone.map(({ uid }) => uid), modseq: folder.mailbox.highestModseq };
  }

  async copy(
    source: MailboxId,
    uids: readonly Uid[],
    target: MailboxId,
    options: { move: boolean },
    by: Actor,
  ) {
    await Promise.resolve();
    const rows = this.#folder(source).rows.filter((row) => uids.includes(row.uid));
    const folder = this.#folder(target);
    const modseq = this.#nextModseq(folder);
    const targetUids: Uid[] = [];
    for (const row of rows) {
      const uid = toUid(++folder.mailbox.lastUid);
      targetUids.push(uid);
      const keywords = this.#keywords(folder, row.keywords);
      folder.rows.push({
        ...row,
        uid,
        modseq,
        createdModseq: modseq,
        keywords,
        readers: new Set(row.readers),
      });
    }
    this.#commit(folder, { appended: targetUids, bySession: by.sessionId });
    const sourceUids = rows.map(({ uid }) => uid);
    if (options.move) await this.expunge(source, sourceUids, { onlyDeleted: false }, by);
    return { uidValidity: folder.mailbox.uidValidity, sourceUids, targetUids, modseq };
  }

  async replace(source: MailboxId, uid: Uid, target: MailboxId, message: NewMessage, by: Actor) {
    if (!this.#folder(source).rows.some((row) => row.uid === uid)) {
      throw new StoreError("message_not_found", "message is gone");
    }
    const result = await this.append(target, [message], by);
    await this.expunge(source, [uid], { onlyDeleted: false }, by);
    return result;
  }

  async create(name: MailboxName, options: CreateMailbox): Promise<Mailbox> {
    await Promise.resolve();
    if (this.#byName(name) !== undefined) throw new StoreError("mailbox_exists", "mailbox exists already");
    const above = parentOf(name);
    const parent = above === undefined ? undefined : this.#byName(above);
    const id = this.#nextId++;
    const mailbox: Folder["mailbox"] = {
      id,
      name,
      uniqueId: options.uniqueId ?? `mailbox-${id}`,
      type: options.type ?? "mail",
      intermediate: options.intermediate ?? false,
      partition: "default",
      uidValidity: options.uidValidity ?? 1_700_000_000 + id,
      lastUid: 0,
      highestModseq: toModseq(1),
      createdModseq: toModseq(1),
      folderModseq: toModseq(1),
      deletedModseq: toModseq(0),
      acl: options.acl ?? initialAcl(name, parent?.mailbox.acl),
      specialUse: options.specialUse ?? [],
      options: [],
      quotaRoot: undefined,
      lastAppendDate: 0,
      recentUid: 0,
      recentTime: 0,
      pop3LastLogin: 0,
      pop3ShowAfter: 0,
      xconvModseq: 0,
      raclModseq: 0,
      syncCrc: 0,
      syncCrcAnnot: 0,
      exists: 0,
      unseen: 0,
      flaggedDeleted: 0,
      sizeBytes: 0,
      keywords: [],
      createdAt: this.#now,
    };
    this.#folders.set(id, { mailbox, rows: [], tombstones: [], listeners: new Set(), version: 0 });
    this.#tellAll("create", mailbox);
    return mailbox;
  }

  async delete(id: MailboxId): Promise<void> {
    await Promise.resolve();
    const folder = this.#folder(id);
    this.#folders.delete(id);
    this.#commit(folder, { deleted: true });
    this.#tellAll("delete", folder.mailbox);
  }

  async rename(id: MailboxId, newName: MailboxName, options: { withChildren: boolean }): Promise<void> {
    await Promise.resolve();
    const folder = this.#folder(id);
    if (this.#byName(newName) !== undefined) throw new StoreError("mailbox_exists", "mailbox exists already");
    const { name } = folder.mailbox;
    for (const { mailbox } of this.#folders.values()) {
      if (mailbox === folder.mailbox || (options.withChildren && isBelow(mailbox.name, name))) {
        mailbox.name = newName + mailbox.name.slice(name.length);
        this.#tellAll("rename", mailbox);
      }
    }
    this.#commit(folder, { nameOrAclChanged: true });
  }

  async setAcl(id: MailboxId, acl: Mailbox["acl"]): Promise<void> {
    await Promise.resolve();
    const { mailbox } = this.#folder(id);
    mailbox.acl = acl;
    this.#tellAll("acl", mailbox);
  }

  async setSpecialUse(id: MailboxId, specialUse: readonly string[]): Promise<void> {
    await Promise.resolve();
    this.#folder(id).mailbox.specialUse = specialUse;
  }

  async annotateMessages(
    id: MailboxId,
    uids: readonly Uid[],
    changes: readonly AnnotationChange[],
    by: Actor,
  ): Promise<{ modseq: Modseq }> {
    await Promise.resolve();
    const folder = this.#folder(id);
    const rows = folder.rows.filter((row) => uids.includes(row.uid));
    if (rows.length === 0) return { modseq: folder.mailbox.highestModseq };
    const modseq = this.#nextModseq(folder);
    for (const row of rows) {
      row.modseq = modseq;
      this.annotations.setOfMessage(id, row.uid, changes, modseq);
    }
    this.#commit(folder, { changed: rows.map(({ uid }) => uid), bySession: by.sessionId });
    return { modseq };
  }

  async setPop3(id: MailboxId, values: { lastLogin?: number; showAfter?: number }): Promise<void> {
    await Promise.resolve();
    const { mailbox } = this.#folder(id);
    mailbox.pop3LastLogin = values.lastLogin ?? mailbox.pop3LastLogin;
    mailbox.pop3ShowAfter = values.showAfter ?? mailbox.pop3ShowAfter;
  }

  async setOptions(id: MailboxId, options: Mailbox["options"]): Promise<void> {
    await Promise.resolve();
    this.#folder(id).mailbox.options = options;
  }

  async setRecent(id: MailboxId, recentUid: number): Promise<void> {
    await Promise.resolve();
    this.#folder(id).mailbox.recentUid = recentUid;
  }

  /** As when tombstones expired. */
  forgetTombstones(id: MailboxId): void {
    const folder = this.#folder(id);
    folder.tombstones = [];
    folder.mailbox.deletedModseq = folder.mailbox.highestModseq;
  }

  async readBody(id: MailboxId, uid: Uid, range?: { offset: number; length: number }): Promise<Buffer> {
    await Promise.resolve();
    const row = this.#folder(id).rows.find((candidate) => candidate.uid === uid);
    if (row === undefined) throw new StoreError("message_not_found", "message is gone");
    return range === undefined ? row.bytes : row.bytes.subarray(range.offset, range.offset + range.length);
  }

  async *readBodies(id: MailboxId, uids: readonly Uid[]) {
    for (const uid of uids) {
      const row = this.#folder(id).rows.find((candidate) => candidate.uid === uid);
      if (row !== undefined) yield { uid, bytes: await this.readBody(id, uid) };
    }
  }

  *readSummaries(id: MailboxId, uids: readonly Uid[]) {
    for (const uid of uids) {
      const row = this.#folder(id).rows.find((candidate) => candidate.uid === uid);
      if (row !== undefined) yield { uid, summary: summarize(row.bytes) };
    }
  }

  onMailboxChange(id: MailboxId, listener: (delta: MailboxDelta) => void): () => void {
    const { listeners } = this.#folder(id);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** What is missing here is not used by the tests that take it. */
  asStore(): Store {
    return this as unknown as Store;
  }
}
