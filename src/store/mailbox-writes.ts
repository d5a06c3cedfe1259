/** Mailboxes come, go, change their names and headers: each name is the authority's to give. */
import { initialAcl } from "./acl.ts";
import type { Catalog } from "./catalog.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { StoreError } from "./errors.ts";
import type { Acl, Mailbox, MailboxId, MailboxName, UserId } from "./model.ts";
import { childKeyRange, fromDeletedName, inboxOf, isDeletedName, isInbox, parentOf } from "./names.ts";
import type { OperationMap } from "./operations.ts";
import type { CreateMailbox, NameChange, NewNumbers, RenameMailbox, WriteOptions } from "./port.ts";
import type { WriteGate } from "./write-gate.ts";

const DEFAULT_PARTITION = "default";

export class MailboxWrites {
  readonly #queue: CommitQueue;
  readonly #catalog: Catalog;
  readonly #gate: WriteGate;

  constructor(options: { queue: CommitQueue; catalog: Catalog; gate: WriteGate }) {
    this.#queue = options.queue;
    this.#catalog = options.catalog;
    this.#gate = options.gate;
  }

  /** What a mailbox made now would have: its own wish, else its parent's. */
  #placeOf(name: MailboxName, options: CreateMailbox): { partition: string; acl: Acl } {
    let parent: Mailbox | undefined;
    for (let at = parentOf(name); at !== undefined && parent === undefined; at = parentOf(at)) {
      parent = this.#catalog.find(at);
    }
    return {
      partition: options.partition ?? parent?.partition ?? DEFAULT_PARTITION,
      acl: options.acl ?? initialAcl(name, parent?.acl),
    };
  }

  async create(name: MailboxName, options: CreateMailbox): Promise<Mailbox> {
    this.#gate.checkName(name, options);
    const intermediate = options.intermediate ?? false;
    // An intermediate is nobody's business but this process's.
    const changes: NameChange[] = intermediate
      ? []
      : [{ kind: "create", name, ...this.#placeOf(name, options) }];
    const { id } = await this.#gate.reserved(changes, options, () =>
      this.#queue.run("create", {
        name,
        type: options.type ?? "mail",
        partition: options.partition,
        acl: options.acl,
        specialUse: options.specialUse ?? [],
        uniqueId: options.uniqueId,
        uidValidity: options.uidValidity,
        intermediate,
      }),
    );
    return this.#catalog.getById(id);
  }

  async delete(id: MailboxId, options: WriteOptions & { immediate?: boolean }): Promise<void> {
    const mailbox = this.#gate.writable(id, options);
    const args = { mailbox: id, immediate: options.immediate === true };
    await this.#gate.reserved(deletions([mailbox]), options, () => this.#queue.run("delete", args));
  }

  async rename(id: MailboxId, newName: MailboxName, options: RenameMailbox): Promise<void> {
    const mailbox = this.#gate.writable(id, options);
    this.#gate.checkName(newName, options);
    const { withChildren, partition } = options;
    const changes = this.#renames(mailbox, newName, options);
    await this.#gate.reserved(changes, options, () =>
      this.#queue.run("rename", { mailbox: id, newName, withChildren, partition }),
    );
  }

  /** The name stays where it is: the authority need not know. */
  async renumber(id: MailboxId, { uidValidity, uids, nextUid }: NewNumbers): Promise<Mailbox> {
    this.#gate.writable(id);
    const from = Uint32Array.from(uids.keys());
    const to = Uint32Array.from(uids.values());
    const fresh = await this.#queue.run("renumber", { mailbox: id, uidValidity, from, to, nextUid });
    return this.#catalog.getById(fresh.id);
  }

  #renames(mailbox: Mailbox, newName: MailboxName, options: RenameMailbox): NameChange[] {
    const { name, acl } = mailbox;
    const partition = options.partition ?? mailbox.partition;
    // INBOX stays where it is, empty (RFC 9051 §6.3.6); of deleted mailboxes the authority knows nothing.
    if (isDeletedName(name) || (isInbox(name) && !isInbox(newName))) {
      return isDeletedName(newName) ? [] : [{ kind: "create", name: newName, partition, acl }];
    }
    const moved = options.withChildren ? [mailbox, ...this.#below(name)] : [mailbox];
    return renames(moved, name, newName, options.partition);
  }

  #below(name: MailboxName): Iterable<Mailbox> {
    const { from, to } = childKeyRange(name);
    return this.#catalog.range(from, to);
  }

  async undelete(id: MailboxId, newName?: MailboxName): Promise<Mailbox> {
    const { name } = this.#gate.writable(id);
    const target = newName ?? fromDeletedName(name)?.name;
    if (!isDeletedName(name) || target === undefined) {
      throw new StoreError("mailbox_operation_invalid", `mailbox ${JSON.stringify(name)} is not deleted`);
    }
    await this.rename(id, target, { withChildren: false });
    return this.#catalog.getById(id);
  }

  async setHeader(args: OperationMap["setHeader"]["args"]): Promise<void> {
    this.#gate.writable(args.mailbox);
    await this.#queue.run("setHeader", args);
  }

  async setAcl(id: MailboxId, acl: Acl): Promise<void> {
    const { name, partition, intermediate } = this.#gate.writable(id);
    const changes: NameChange[] = intermediate ? [] : [{ kind: "acl", name, partition, acl }];
    await this.#gate.reserved(changes, {}, () => this.#queue.run("setHeader", { mailbox: id, acl }));
  }

  async deleteUser(user: UserId, options: WriteOptions): Promise<void> {
    this.#gate.checkUser(user, options);
    const changes = deletions(this.#catalog.ofUser(user));
    await this.#gate.reserved(changes, options, async () => this.#queue.run("deleteUser", { user }));
  }

  async renameUser(user: UserId, newUser: UserId, options: WriteOptions): Promise<void> {
    this.#gate.checkUser(user, options);
    this.#gate.checkUser(newUser, options);
    const changes = renames(this.#catalog.ofUser(user), inboxOf(user), inboxOf(newUser), undefined);
    await this.#gate.reserved(changes, options, async () => this.#queue.run("renameUser", { user, newUser }));
  }
}

function deletions(mailboxes: Iterable<Mailbox>): NameChange[] {
  const changes: NameChange[] = [];
  for (const { name, intermediate } of mailboxes) {
    if (!intermediate && !isDeletedName(name)) changes.push({ kind: "delete", name });
  }
  return changes;
}

function renames(
  mailboxes: Iterable<Mailbox>,
  from: MailboxName,
  to: MailboxName,
  newPartition: string | undefined,
): NameChange[] {
  const changes: NameChange[] = [];
  for (const { name, acl, partition, intermediate } of mailboxes) {
    if (intermediate) continue;
    const newName = to + name.slice(from.length);
    changes.push({ kind: "rename", name, newName, partition: newPartition ?? partition, acl });
  }
  return changes;
}
