/** Messages come, change and go: every write is checked against ownership and resolves when readers show it. */
import type { Modseq, Uid } from "../base/numbers.ts";
import { copyValues } from "./annotations.ts";
import type { Catalog } from "./catalog.ts";
import type { CommitQueue } from "./commit-queue.ts";
import { StoreError } from "./errors.ts";
import type { Mailbox, MailboxId } from "./model.ts";
import type { AppendedUids, BodySource, OperationKind, OperationMap } from "./operations.ts";
import type {
  Actor,
  AnnotationChange,
  AppendResult,
  CopyResult,
  DeliveryResult,
  DeliveryTarget,
  ExpungeResult,
  FlagChange,
  NewMessage,
  ReplicatedChange,
  StagedBody,
  StoreFlagsResult,
} from "./port.ts";
import { HeldBodies, type Staging } from "./staging.ts";
import type { WriteGate } from "./write-gate.ts";
import {
  allowedFlags,
  toActor,
  toAppendItem,
  toAppendResult,
  toApplyArgs,
  toDeliveryResult,
  toTargetItem,
  toUids,
} from "./writes.ts";

export class MessageWrites {
  readonly #queue: CommitQueue;
  readonly #catalog: Catalog;
  readonly #gate: WriteGate;
  readonly #staging: Staging;

  constructor(options: { queue: CommitQueue; catalog: Catalog; gate: WriteGate; staging: Staging }) {
    this.#queue = options.queue;
    this.#catalog = options.catalog;
    this.#gate = options.gate;
    this.#staging = options.staging;
  }

  #checkSize(body: NewMessage["body"]): void {
    const { maxMessageBytes } = this.#staging;
    if ("sizeBytes" in body && body.sizeBytes > maxMessageBytes) {
      throw new StoreError("message_too_big", `message has more than ${maxMessageBytes} bytes`);
    }
  }

  /** Ownership is asked again when the operation has come to the front of the queue. */
  #run<K extends OperationKind>(
    written: readonly MailboxId[],
    kind: K,
    args: OperationMap[K]["args"],
    bodies?: readonly BodySource[],
  ): Promise<OperationMap[K]["result"]> {
    return this.#queue.run(kind, args, bodies, () => {
      for (const id of written) this.#gate.writable(id);
    });
  }

  async append(target: MailboxId, messages: readonly NewMessage[], by: Actor): Promise<AppendResult> {
    this.#gate.writable(target);
    for (const { body } of messages) this.#checkSize(body);
    const bodies = new HeldBodies();
    try {
      const items = messages.map((message) => toAppendItem(message, bodies));
      const args = { mailbox: target, messages: items, by: toActor(by) };
      return toAppendResult(await this.#run([target], "append", args, bodies.sources));
    } finally {
      bodies.letGo();
    }
  }

  async deliver(body: StagedBody, targets: readonly DeliveryTarget[]): Promise<readonly DeliveryResult[]> {
    const results: (DeliveryResult | undefined)[] = targets.map((target) => this.#refusal(body, target));
    const allowed = targets.filter((_, i) => results[i] === undefined);
    const bodies = new HeldBodies();
    try {
      bodies.add(body);
      const items = allowed.map(toTargetItem);
      const delivered =
        items.length === 0
          ? []
          : await this.#run(
              allowed.map(({ mailbox }) => mailbox),
              "deliver",
              { targets: items },
              bodies.sources,
            );
      let next = 0;
      return results.map((result) => result ?? toDeliveryResult(delivered[next++]!));
    } catch (error) {
      // The batch failed: those who were not refused before share its fate.
      if (!(error instanceof StoreError)) throw error;
      return results.map((result) => result ?? { status: "refused", error });
    } finally {
      bodies.letGo();
    }
  }

  #refusal(body: StagedBody, target: DeliveryTarget): DeliveryResult | undefined {
    try {
      this.#checkSize(body);
      this.#gate.writable(target.mailbox);
      return undefined;
    } catch (error) {
      if (error instanceof StoreError) return { status: "refused", error };
      throw error;
    }
  }

  async storeFlags(
    id: MailboxId,
    uids: readonly Uid[],
    change: FlagChange,
    by: Actor,
  ): Promise<StoreFlagsResult> {
    this.#gate.writable(id);
    const { modseq, changed, modified } = await this.#run([id], "storeFlags", {
      mailbox: id,
      uids: new Uint32Array(uids),
      mode: change.mode,
      systemFlags: change.systemFlags,
      keywords: change.keywords,
      unchangedSince: change.unchangedSince,
      allowedSystemFlags: allowedFlags(change.allowedSystemFlags),
      keywordsAllowed: change.keywordsAllowed ?? true,
      by: toActor(by),
    });
    return { modseq: modseq as Modseq, changed: toUids(changed), modified: toUids(modified) };
  }

  async expunge(
    id: MailboxId,
    uids: readonly Uid[] | "all",
    options: { onlyDeleted: boolean },
    by: Actor,
  ): Promise<ExpungeResult> {
    this.#gate.writable(id);
    const expunged = await this.#run([id], "expunge", {
      mailbox: id,
      uids: uids === "all" ? undefined : new Uint32Array(uids),
      onlyDeleted: options.onlyDeleted,
      by: toActor(by),
    });
    return { uids: toUids(expunged.uids), modseq: expunged.modseq as Modseq };
  }

  async unexpunge(id: MailboxId, uids: readonly Uid[], by: Actor): Promise<AppendResult> {
    this.#gate.writable(id);
    const args = { mailbox: id, uids: new Uint32Array(uids), by: toActor(by) };
    return toAppendResult(await this.#run([id], "unexpunge", args));
  }

  async copy(
    source: MailboxId,
    uids: readonly Uid[],
    target: MailboxId,
    options: { move: boolean },
    by: Actor,
  ): Promise<CopyResult> {
    if (options.move) this.#gate.writable(source);
    this.#gate.writable(target);
    const copied = await this.#run(options.move ? [source, target] : [target], "copy", {
      source,
      uids: new Uint32Array(uids),
      target,
      move: options.move,
      by: toActor(by),
    });
    return {
      uidValidity: copied.uidValidity,
      sourceUids: toUids(copied.sourceUids),
      targetUids: toUids(copied.targetUids),
      modseq: copied.modseq as Modseq,
    };
  }

  async replace(
    source: MailboxId,
    uid: Uid,
    target: MailboxId,
    message: NewMessage,
    by: Actor,
  ): Promise<AppendResult> {
    this.#gate.writable(source);
    this.#gate.writable(target);
    this.#checkSize(message.body);
    const bodies = new HeldBodies();
    try {
      const item = toAppendItem(message, bodies);
      const args = { source, uid, target, message: item, by: toActor(by) };
      const replaced: AppendedUids = await this.#run([source, target], "replace", args, bodies.sources);
      return toAppendResult(replaced);
    } finally {
      bodies.letGo();
    }
  }

  async annotate(
    id: MailboxId,
    uids: readonly Uid[],
    changes: readonly AnnotationChange[],
    by: Actor,
  ): Promise<{ modseq: Modseq }> {
    this.#gate.writable(id);
    const { modseq } = await this.#run([id], "annotate", {
      mailbox: id,
      uids: new Uint32Array(uids),
      changes: copyValues(changes),
      by: toActor(by),
    });
    return { modseq: modseq as Modseq };
  }

  async apply(change: ReplicatedChange): Promise<Mailbox> {
    const bodies = new HeldBodies();
    try {
      // No ownership check: this is how a replica, which owns nobody, gets what it has.
      await this.#queue.run("apply", toApplyArgs(change, bodies), bodies.sources);
    } finally {
      bodies.letGo();
    }
    return this.#catalog.getById(change.mailbox);
  }
}
