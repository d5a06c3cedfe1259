/** Quota roots and annotations of the store in memory (`memory-store.ts`). */
import { toModseq, type Uid } from "../../src/base/numbers.ts";
import { StoreError } from "../../src/store/errors.ts";
import type {
  Mailbox,
  MailboxAnnotation,
  MailboxId,
  MailboxName,
  MessageAnnotation,
  QuotaRoot,
} from "../../src/store/model.ts";
import { isBelow } from "../../src/store/names.ts";
import type { AnnotationChange, Annotations, Quotas } from "../../src/store/port.ts";

type Limits = Parameters<Quotas["set"]>[1];

export class MemoryQuotas implements Quotas {
  readonly #limits = new Map<MailboxName, Limits>();
  readonly #mailboxes: () => readonly Mailbox[];

  constructor(mailboxes: () => readonly Mailbox[]) {
    this.#mailboxes = mailboxes;
  }

  get(root: MailboxName): QuotaRoot | undefined {
    const limits = this.#limits.get(root);
    if (limits === undefined) return undefined;
    const counted = this.#mailboxes().filter(({ name }) => this.#rootNameOf(name) === root);
    const sum = (of: (mailbox: Mailbox) => number): number =>
      counted.reduce((total, mailbox) => total + of(mailbox), 0);
    return {
      ...rootWithout(root),
      ...limits,
      storageUsedBytes: sum(({ sizeBytes }) => sizeBytes),
      messagesUsed: sum(({ exists }) => exists),
      mailboxesUsed: counted.length,
    };
  }

  rootOf(name: MailboxName): QuotaRoot | undefined {
    const root = this.#rootNameOf(name);
    return root === undefined ? undefined : this.get(root);
  }

  #rootNameOf(name: MailboxName): MailboxName | undefined {
    return [...this.#limits.keys()]
      .filter((candidate) => candidate === name || isBelow(name, candidate))
      .sort((a, b) => b.length - a.length)[0];
  }

  list(prefix: MailboxName): QuotaRoot[] {
    return [...this.#limits.keys()]
      .filter((root) => root.startsWith(prefix))
      .sort()
      .map((root) => this.get(root) ?? rootWithout(root));
  }

  set(root: MailboxName, limits: Limits): Promise<void> {
    this.#limits.set(root, { ...this.#limits.get(root), ...limits });
    return Promise.resolve();
  }

  remove(root: MailboxName): Promise<void> {
    this.#limits.delete(root);
    return Promise.resolve();
  }
}

function rootWithout(root: MailboxName): QuotaRoot {
  return {
    root,
    modseq: toModseq(1),
    storageLimitBytes: undefined,
    messageLimit: undefined,
    annotationStorageLimitBytes: undefined,
    mailboxLimit: undefined,
    storageUsedBytes: 0,
    messagesUsed: 0,
    annotationStorageUsedBytes: 0,
    mailboxesUsed: 0,
  };
}

export class MemoryAnnotations implements Annotations {
  readonly #ofMailbox = new Map<string, MailboxAnnotation>();
  readonly #ofMessage = new Map<string, Map<string, MessageAnnotation>>();

  list(mailbox: MailboxName, userId: string): MailboxAnnotation[] {
    return this.all(mailbox).filter((one) => one.userId === "" || one.userId === userId);
  }

  all(mailbox: MailboxName): MailboxAnnotation[] {
    return [...this.#ofMailbox.values()]
      .filter((one) => one.mailbox === mailbox)
      .sort((a, b) => (a.entry < b.entry ? -1 : 1));
  }

  set(mailbox: MailboxName, changes: readonly AnnotationChange[]): Promise<void> {
    for (const { entry, userId, value } of changes) {
      const key = [mailbox, entry, userId].join("\0");
      if (value === undefined) this.#ofMailbox.delete(key);
      else this.#ofMailbox.set(key, { mailbox, entry, userId, value, modseq: toModseq(1) });
    }
    return Promise.resolve();
  }

  ofMessage(id: MailboxId, uid: Uid): readonly MessageAnnotation[] {
    return [...(this.#ofMessage.get(`${id} ${uid}`)?.values() ?? [])].sort((a, b) =>
      a.entry < b.entry ? -1 : 1,
    );
  }

  setOfMessage(id: MailboxId, uid: Uid, changes: readonly AnnotationChange[], modseq: number): void {
    const key = `${id} ${uid}`;
    const values = this.#ofMessage.get(key) ?? new Map<string, MessageAnnotation>();
    this.#ofMessage.set(key, values);
    for (const { entry, userId, value } of changes) {
      if (entry.includes("refused")) throw new StoreError("annotation_invalid", "not taken");
      const name = `${entry}\0${userId}`;
      if (value === undefined) values.delete(name);
      else values.set(name, { entry, userId, value, modseq: toModseq(modseq) });
    }
  }
}
