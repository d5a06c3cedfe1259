/** Makes a user's mailboxes from the file that `export-user.ts` wrote: same UIDs, modseqs, flags, dates, rights. */
import type { Modseq } from "../../../base/numbers.ts";
import { StoreError } from "../../errors.ts";
import {
  SystemFlag,
  type Acl,
  type Mailbox,
  type MailboxName,
  type SeenState,
  type UserId,
} from "../../model.ts";
import { inboxOf } from "../../names.ts";
import type { StagedBody, Store } from "../../port.ts";
import { readFrames } from "./frames.ts";
import type { BackupLine, SavedAnnotation, SavedRecord } from "./lines.ts";

/** Larger bodies wait for their record on disk, not in memory. */
const STAGE_FROM_BYTES = 256 * 1024;
const STAGE_CHUNK_BYTES = 64 * 1024;

export interface ImportOptions {
  /** Undefined = the user that the file is of. */
  readonly asUser?: UserId | undefined;
  /** Deletes the mailboxes that the user has (they can be brought back); otherwise having some is a refusal. */
  readonly isReplacing: boolean;
  readonly onProgress?: (messages: number) => void;
}

export interface ImportReport {
  readonly user: UserId;
  readonly mailboxes: number;
  readonly messages: number;
  /** Mailboxes whose unique id belonged to another one here: they have new ones. */
  readonly newUniqueIds: readonly MailboxName[];
}

/** @throws StoreError mailbox_exists; conflict for a file that is damaged: what came before the damage is there */
export async function importUser(store: Store, path: string, options: ImportOptions): Promise<ImportReport> {
  // Read to its end once, before anything is changed for a file that is cut off.
  let savedUser: UserId | undefined;
  for await (const frame of readFrames(path)) {
    const line = frame.type === "json" ? (frame.value as BackupLine) : undefined;
    if (line?.kind === "user") savedUser = line.user;
  }
  if (savedUser === undefined) throw new StoreError("conflict", `backup file "${path}" names no user`);
  const user = options.asUser ?? savedUser;
  if ([...store.mailboxes.ofUser(user)].some((mailbox) => !mailbox.intermediate)) {
    if (!options.isReplacing) throw new StoreError("mailbox_exists", `user ${user} has mailboxes already`);
    await store.deleteUser(user);
  }
  const importer = new Importer(store, savedUser, user, options.onProgress);
  try {
    for await (const frame of readFrames(path)) {
      if (frame.type === "body") await importer.body(frame.guid, frame.bytes);
      else await importer.line(frame.value as BackupLine);
    }
  } finally {
    importer.letGo();
  }
  return importer.report();
}

class Importer {
  readonly #store: Store;
  readonly #from: UserId;
  readonly #to: UserId;
  readonly #onProgress: ((messages: number) => void) | undefined;
  readonly #bodies = new Map<string, StagedBody>();
  readonly #newUniqueIds: MailboxName[] = [];
  /** New ones by those in the file. */
  readonly #uniqueIds = new Map<string, string>();
  #mailbox: Mailbox | undefined;
  #mailboxes = 0;
  #messages = 0;

  constructor(store: Store, from: UserId, to: UserId, onProgress: ((messages: number) => void) | undefined) {
    this.#store = store;
    this.#from = from;
    this.#to = to;
    this.#onProgress = onProgress;
  }

  report(): ImportReport {
    return {
      user: this.#to,
      mailboxes: this.#mailboxes,
      messages: this.#messages,
      newUniqueIds: this.#newUniqueIds,
    };
  }

  letGo(): void {
    for (const body of this.#bodies.values()) body.release();
    this.#bodies.clear();
  }

  async body(guid: string, bytes: Buffer): Promise<void> {
    if (bytes.length < STAGE_FROM_BYTES) {
      this.#bodies.set(guid, this.#store.stageBuffer(bytes));
      return;
    }
    const writer = this.#store.stage(bytes.length);
    for (let at = 0; at < bytes.length; at += STAGE_CHUNK_BYTES) {
      await writer.write(bytes.subarray(at, at + STAGE_CHUNK_BYTES));
    }
    this.#bodies.set(guid, await writer.finish());
  }

  async line(line: BackupLine): Promise<void> {
    switch (line.kind) {
      case "user":
        return;
      case "quota":
        // Limits count from now on; what is restored may be more than they allow.
        return await this.#store.quotas.set(this.#rename(line.root), line.limits);
      case "mailbox":
        return await this.#create(line.mailbox);
      case "records":
        return await this.#records(line.records);
      case "mailboxEnd":
        return await this.#end(line);
      case "subscriptions":
        for (const name of line.names) {
          await this.#store.subscriptions.set(this.#to, this.#rename(name), true);
        }
        return;
      case "seen":
        return await this.#seen(line.state);
    }
  }

  /** Own states, and those of others in the mailboxes of this user. */
  async #seen(state: SeenState): Promise<void> {
    const userId = state.userId === this.#from ? this.#to : state.userId;
    const uniqueId = this.#uniqueIds.get(state.uniqueId) ?? state.uniqueId;
    await this.#store.seen.set({ ...state, userId, uniqueId });
  }

  #rename(name: MailboxName): MailboxName {
    const from = inboxOf(this.#from);
    const isOwn = name === from || name.startsWith(`${from}.`);
    return isOwn ? inboxOf(this.#to) + name.slice(from.length) : name;
  }

  #renameAcl(acl: Acl): Acl {
    return acl.map((entry) => (entry.identifier === this.#from ? { ...entry, identifier: this.#to } : entry));
  }

  async #create(saved: Extract<BackupLine, { kind: "mailbox" }>["mailbox"]): Promise<void> {
    const { type, uidValidity, specialUse, uniqueId, options } = saved;
    const name = this.#rename(saved.name);
    const isTaken = this.#store.mailboxes.byUniqueId(uniqueId) !== undefined;
    const acl = this.#renameAcl(saved.acl);
    const values = { type, uidValidity, acl, specialUse };
    this.#mailbox = await this.#store.create(name, isTaken ? values : { ...values, uniqueId });
    if (isTaken) {
      this.#newUniqueIds.push(name);
      this.#uniqueIds.set(uniqueId, this.#mailbox.uniqueId);
    }
    await this.#store.setOptions(this.#mailbox.id, options);
    this.#mailboxes++;
  }

  #current(): Mailbox {
    if (this.#mailbox === undefined) throw new StoreError("conflict", "the backup has records of no mailbox");
    return this.#mailbox;
  }

  async #records(records: readonly SavedRecord[]): Promise<void> {
    const { id, partition } = this.#current();
    await this.#store.apply({
      mailbox: id,
      header: {},
      records: records.map((saved) => {
        const record = { ...saved, annotations: saved.annotations.map((a) => this.#annotation(a)) };
        if (saved.systemFlags & SystemFlag.expunged) return record;
        return { ...record, body: this.#bodies.get(saved.guid) ?? { guid: saved.guid, partition } };
      }),
    });
    this.letGo();
    this.#messages += records.filter((record) => !(record.systemFlags & SystemFlag.expunged)).length;
    this.#onProgress?.(this.#messages);
  }

  async #end({ numbers, annotations }: Extract<BackupLine, { kind: "mailboxEnd" }>): Promise<void> {
    const { id } = this.#current();
    await this.#store.apply({
      mailbox: id,
      header: numbers,
      records: [],
      annotations: annotations.map((saved) => this.#annotation(saved)),
    });
    this.#mailbox = undefined;
  }

  #annotation({ entry, userId, modseq, base64 }: SavedAnnotation) {
    return {
      entry,
      userId: userId === this.#from ? this.#to : userId,
      modseq: modseq as Modseq,
      value: Buffer.from(base64, "base64"),
    };
  }
}
