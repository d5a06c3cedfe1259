/**
 * Rookery's own store as the target, in the process that owns it: messages keep UIDs, UIDVALIDITY, dates, flags and bytes,
 * so that clients which follow the user to the new server fetch nothing again. Mail is written as replication does.
 *
 * Where a folder already has other mail under the UIDs of the source (delivered here since the MX changed), the newcomers
 * get new UIDs there, and the folder goes on so.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../../base/io/clock.ts";
import { toModseq, toUid } from "../../base/numbers.ts";
import { StoreError } from "../../store/errors.ts";
import type { Mailbox, MailboxName, UserId } from "../../store/model.ts";
import { decodeMutf7, encodeMutf7 } from "../../store/mutf7.ts";
import { inboxOf, nameFault, segmentToText, textToSegment } from "../../store/names.ts";
import type { Actor, BodyWriter, NewNumbers, ReplicatedChange, Store } from "../../store/port.ts";
import type { MessageFlags } from "../../imap/client-fetch.ts";
import type { CopyMessage } from "./message.ts";
import { StoreStrays } from "./store-strays.ts";
import { byFlags } from "./flag-groups.ts";
import type { TargetNames } from "./mapping.ts";
import {
  type AppendOutcome,
  type FolderAttributes,
  type KnownUids,
  type MailTarget,
  type NewFolder,
  type PreparedMessage,
  type Strays,
  TargetFullError,
  type TargetFolder,
  type TargetMessage,
} from "./target.ts";

/** Clients go on changing the folder while mail comes in. */
const MAX_TRIES = 10;
/** Characters that Cyrus's names cannot have (`names.ts`), the separators, and '^', which stands for a dot. */
const BAD_CHARACTERS = /["%/;<>\\`{|}^\x00-\x1f\x7f]/g;
/** UIDs that one command of the store gets. */
const UIDS_A_WRITE = 1000;

export interface StoreTargetPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly maxMessageBytes: number | undefined;
}

export class StoreTarget implements MailTarget {
  readonly description = "store";
  readonly maxMessageBytes: number | undefined;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #inbox: MailboxName;
  readonly #by: Actor;

  constructor(user: UserId, { store, clock, maxMessageBytes }: StoreTargetPorts) {
    this.#store = store;
    this.#clock = clock;
    this.#inbox = inboxOf(user);
    this.#by = { userId: user, sessionId: 0 };
    this.maxMessageBytes = maxMessageBytes;
  }

  get names(): TargetNames {
    const bySpecialUse = new Map<string, readonly string[]>();
    for (const mailbox of this.#mailboxes()) {
      for (const use of mailbox.specialUse) bySpecialUse.set(use.toLowerCase(), this.#pathOf(mailbox.name));
    }
    return { legalLevel, bySpecialUse, foldsCase: false };
  }

  list(): Promise<readonly TargetFolder[]> {
    return Promise.resolve([...this.#mailboxes()].map((mailbox) => this.#folderOf(mailbox)));
  }

  async ensureFolder({ path, uidValidity, specialUse }: NewFolder): Promise<TargetFolder> {
    const name = this.#nameOf(path);
    let mailbox = this.#store.mailboxes.find(name);
    if (mailbox === undefined || mailbox.intermediate) {
      try {
        mailbox = await this.#store.create(name, {
          uidValidity,
          ...(specialUse === undefined ? {} : { specialUse: [specialUse] }),
        });
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        if (error.code === "special_use_taken") mailbox = await this.#store.create(name, { uidValidity });
        else if (error.code === "mailbox_exists") mailbox = this.#store.mailboxes.get(name);
        else throw asTargetError(error);
      }
    }
    // Never used: it may still become the folder that the source has.
    if (mailbox.lastUid === 0 && mailbox.uidValidity !== uidValidity) {
      mailbox = await this.#store.apply({ mailbox: mailbox.id, header: { uidValidity }, records: [] });
    }
    return { ...this.#folderOf(mailbox), keepsUids: mailbox.uidValidity === uidValidity };
  }

  async renameFolder(from: readonly string[], to: readonly string[]): Promise<void> {
    const mailbox = this.#store.mailboxes.get(this.#nameOf(from));
    await this.#store.rename(mailbox.id, this.#nameOf(to), { withChildren: false });
  }

  async removeFolder(path: readonly string[]): Promise<void> {
    const mailbox = this.#store.mailboxes.find(this.#nameOf(path));
    if (mailbox === undefined || mailbox.exists > 0 || mailbox.name === this.#inbox) return;
    if (!this.#store.mailboxes.hasChildren(mailbox.name)) await this.#store.delete(mailbox.id);
  }

  async setAttributes(path: readonly string[], wanted: FolderAttributes): Promise<readonly string[]> {
    const problems: string[] = [];
    const name = this.#nameOf(path);
    const mailbox = this.#store.mailboxes.get(name);
    const { userId } = this.#by;
    if (wanted.isSubscribed && !this.#store.subscriptions.has(userId, name)) {
      await this.#store.subscriptions.set(userId, name, true);
    }
    const use = wanted.specialUse;
    if (use !== undefined && !mailbox.specialUse.includes(use)) {
      await this.#try(problems, `special use ${use}`, () => this.#store.setSpecialUse(mailbox.id, [use]));
    }
    // The owner's own rights are given by his being the owner; those of others are what has to be carried over.
    const others = wanted.acl.filter(([identifier]) => identifier !== userId);
    const missing = others.filter(
      ([identifier, rights]) =>
        !mailbox.acl.some((entry) => entry.identifier === identifier && entry.rights === rights),
    );
    if (missing.length > 0) {
      const kept = mailbox.acl.filter(
        (entry) => !missing.some(([identifier]) => identifier === entry.identifier),
      );
      const acl = [...kept, ...missing.map(([identifier, rights]) => ({ identifier, rights }))];
      await this.#try(problems, "rights", () => this.#store.setAcl(mailbox.id, acl));
    }
    return problems;
  }

  stage(sizeBytes: number): BodyWriter {
    return this.#store.stage(sizeBytes);
  }

  prepare(bytes: Buffer): PreparedMessage {
    const body = this.#store.prepareBuffer(bytes);
    return { guid: body.digest, body };
  }

  async append(
    folder: TargetFolder,
    messages: readonly CopyMessage[],
    keepUids: boolean,
  ): Promise<readonly AppendOutcome[]> {
    const mailbox = this.#store.mailboxes.get(this.#nameOf(folder.path));
    const outcomes: (AppendOutcome | undefined)[] = messages.map((message) => this.#refusal(message));
    const open = messages.filter((_, index) => outcomes[index] === undefined);
    this.#checkQuota(mailbox, open);
    const stored = keepUids ? await this.#keep(mailbox, open) : await this.#renumber(mailbox, open);
    let next = 0;
    return outcomes.map((outcome) => outcome ?? stored[next++]!);
  }

  async setFlags(
    folder: TargetFolder,
    changes: readonly { readonly uid: number; readonly flags: MessageFlags }[],
  ): Promise<void> {
    const mailbox = this.#store.mailboxes.get(this.#nameOf(folder.path));
    const writes: Promise<unknown>[] = [];
    for (const [{ system, keywords }, uids] of byFlags(changes)) {
      for (let at = 0; at < uids.length; at += UIDS_A_WRITE) {
        const some = uids.slice(at, at + UIDS_A_WRITE).map(toUid);
        const change = { mode: "replace", systemFlags: system, keywords } as const;
        writes.push(this.#store.storeFlags(mailbox.id, some, change, this.#by));
      }
    }
    await Promise.all(writes);
  }

  async expunge(folder: TargetFolder, uids: readonly number[]): Promise<void> {
    const mailbox = this.#store.mailboxes.get(this.#nameOf(folder.path));
    await this.#store.expunge(mailbox.id, uids.map(toUid), { onlyDeleted: false }, this.#by);
  }

  async strays(folder: TargetFolder, fromUid: number, known: KnownUids): Promise<Strays> {
    const mailbox = this.#store.mailboxes.get(this.#nameOf(folder.path));
    const view = await this.#store.open(mailbox.id);
    try {
      return new StoreStrays(view, fromUid, known);
    } finally {
      view.release();
    }
  }

  async settle(
    folder: TargetFolder,
    source: { readonly uidNext: number; readonly highestModseq: number; readonly keepUids: boolean },
  ): Promise<TargetFolder> {
    let mailbox = this.#store.mailboxes.get(this.#nameOf(folder.path));
    const lastUid = source.keepUids ? Math.max(mailbox.lastUid, source.uidNext - 1) : mailbox.lastUid;
    // A client that has seen a higher modseq at the source would miss what changes here until ours is as high.
    const highestModseq = toModseq(Math.max(mailbox.highestModseq, source.highestModseq));
    if (lastUid !== mailbox.lastUid || highestModseq !== mailbox.highestModseq) {
      mailbox = await this.#store.apply({
        mailbox: mailbox.id,
        header: { lastUid, highestModseq },
        records: [],
      });
    }
    return { ...this.#folderOf(mailbox), keepsUids: source.keepUids };
  }

  async renumber(folder: TargetFolder, numbers: NewNumbers): Promise<TargetFolder> {
    const { id } = this.#store.mailboxes.get(this.#nameOf(folder.path));
    return this.#folderOf(await this.#store.renumber(id, numbers));
  }

  async *messages(folder: TargetFolder, withDigests: boolean): AsyncGenerator<TargetMessage> {
    const mailbox = this.#store.mailboxes.get(this.#nameOf(folder.path));
    if (withDigests) {
      const view = await this.#store.open(mailbox.id);
      const uids = Array.from(view.uids.subarray(0, view.count), toUid);
      view.release();
      for await (const { uid, bytes } of this.#store.readBodies(mailbox.id, uids)) {
        const guid = createHash("sha1").update(bytes).digest("hex");
        yield { uid, sizeBytes: bytes.length, guid };
      }
      return;
    }
    for (const group of this.#store.readRecords(mailbox.id)) {
      for (const { uid, sizeBytes, guid } of group) yield { uid, sizeBytes, guid };
    }
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  destroy(): void {}

  /** Under the UIDs that they have, in one commit. */
  async #keep(mailbox: Mailbox, messages: readonly CopyMessage[]): Promise<AppendOutcome[]> {
    const view = await this.#store.open(mailbox.id);
    const outcomes: (AppendOutcome | undefined)[] = [];
    const fresh: CopyMessage[] = [];
    const displaced: CopyMessage[] = [];
    try {
      for (const message of messages) {
        const index = view.indexOf(message.uid);
        const isSame = index >= 0 && view.guid(index) === message.guid;
        outcomes.push(isSame ? { kind: "already", uid: message.uid } : undefined);
        if (index < 0) fresh.push(message);
        else if (!isSame) displaced.push(message);
      }
    } finally {
      view.release();
    }
    if (fresh.length > 0) await this.#apply(mailbox, fresh);
    const renumbered = displaced.length === 0 ? [] : await this.#renumber(mailbox, displaced);
    let next = 0;
    return messages.map((message, index): AppendOutcome => {
      const outcome = outcomes[index];
      if (outcome !== undefined) return outcome;
      if (!displaced.includes(message)) return { kind: "saved", uid: message.uid };
      return renumbered[next++]!;
    });
  }

  async #apply({ id }: Mailbox, messages: readonly CopyMessage[]): Promise<void> {
    const now = Math.floor(this.#clock.nowMs() / 1000);
    const sorted = [...messages].sort((a, b) => a.uid - b.uid);
    for (let tries = 1; ; tries++) {
      const own = this.#store.mailboxes.byId(id);
      if (own === undefined) throw new StoreError("mailbox_not_found", "the folder was deleted meanwhile");
      const modseq = toModseq(own.highestModseq + 1);
      const records = sorted.map((message): ReplicatedChange["records"][number] => ({
        uid: toUid(message.uid),
        modseq,
        createdModseq: modseq,
        lastUpdated: now,
        internalDate: message.internalDate,
        sizeBytes: message.sizeBytes,
        guid: message.guid,
        systemFlags: message.flags.system,
        keywords: message.flags.keywords,
        threadId: "",
        saveDate: now,
        annotations: [],
        body: Buffer.isBuffer(message.body) ? this.#store.stageBuffer(message.body) : message.body,
      }));
      try {
        await this.#store.apply({
          mailbox: id,
          ifHighestModseq: own.highestModseq,
          header: { highestModseq: modseq, lastAppendDate: now },
          records,
          revive: true,
        });
        return;
      } catch (error) {
        const isRace = error instanceof StoreError && error.code === "conflict" && tries < MAX_TRIES;
        if (!isRace) throw asTargetError(error);
      }
    }
  }

  async #renumber({ id }: Mailbox, messages: readonly CopyMessage[]): Promise<AppendOutcome[]> {
    if (messages.length === 0) return [];
    try {
      const { uids } = await this.#store.append(
        id,
        messages.map(({ body, flags, internalDate }) => ({
          body: Buffer.isBuffer(body) ? this.#store.stageBuffer(body) : body,
          systemFlags: flags.system,
          keywords: flags.keywords,
          internalDate,
        })),
        this.#by,
      );
      return uids.map((uid) => ({ kind: "saved", uid }));
    } catch (error) {
      throw asTargetError(error);
    }
  }

  #refusal({ sizeBytes }: CopyMessage): AppendOutcome | undefined {
    const limit = this.maxMessageBytes;
    if (limit === undefined || limit === 0 || sizeBytes <= limit) return undefined;
    return { kind: "refused", reason: `${sizeBytes} bytes are more than the target takes (${limit})` };
  }

  /** Replication's write does not ask for the quota. */
  #checkQuota({ name }: Mailbox, messages: readonly CopyMessage[]): void {
    const root = this.#store.quotas.rootOf(name);
    if (root === undefined) return;
    const bytes = messages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const isOver =
      root.storageUsedBytes + bytes > (root.storageLimitBytes ?? Number.POSITIVE_INFINITY) ||
      root.messagesUsed + messages.length > (root.messageLimit ?? Number.POSITIVE_INFINITY);
    if (isOver) throw new TargetFullError(`the quota ${root.root} has no room for ${bytes} bytes more`);
  }

  *#mailboxes(): Generator<Mailbox> {
    for (const mailbox of this.#store.mailboxes.ofUser(this.#by.userId)) {
      if (mailbox.type === "mail" && !mailbox.intermediate) yield mailbox;
    }
  }

  #folderOf(mailbox: Mailbox): TargetFolder {
    return {
      path: this.#pathOf(mailbox.name),
      uidValidity: mailbox.uidValidity,
      uidNext: mailbox.lastUid + 1,
      messages: mailbox.exists,
      isSubscribed: this.#store.subscriptions.has(this.#by.userId, mailbox.name),
      specialUse: mailbox.specialUse[0],
      keepsUids: true,
    };
  }

  #nameOf(path: readonly string[]): MailboxName {
    if (path.length === 1 && path[0] === "INBOX") return this.#inbox;
    return [this.#inbox, ...path.map((level) => textToSegment(encodeMutf7(level)))].join(".");
  }

  #pathOf(name: MailboxName): readonly string[] {
    if (name === this.#inbox) return ["INBOX"];
    const levels = name.slice(this.#inbox.length + 1).split(".");
    return levels.map((level) => decodeMutf7(segmentToText(level)) ?? segmentToText(level));
  }

  async #try(problems: string[], what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      problems.push(`${what}: ${error.message}`);
    }
  }
}

/** What the store cannot have in a name becomes `_`. */
function legalLevel(level: string): string {
  const text = level.normalize("NFC").replaceAll(BAD_CHARACTERS, "_");
  return nameFault(`user.x.${textToSegment(encodeMutf7(text))}`) === undefined ? text : `_${text}_`;
}

function asTargetError(error: unknown): unknown {
  const isFull = error instanceof StoreError && (error.code === "over_quota" || error.code === "disk_full");
  return isFull ? new TargetFullError(error.message, { cause: error }) : error;
}
