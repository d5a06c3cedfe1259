/** Arguments of the port's writes as operations, and their answers back. */
import type { Modseq, Uid } from "../base/numbers.ts";
import { copyValues, exactBuffer } from "./annotations.ts";
import { StoreError } from "./errors.ts";
import type {
  AppendedUids,
  AppendItem,
  ApplyArgs,
  AppliedRecord,
  ByActor,
  DeliveredItem,
  DeliverTargetItem,
} from "./operations.ts";
import type {
  Actor,
  AppendResult,
  DeliveryResult,
  DeliveryTarget,
  NewMessage,
  ReplicatedChange,
} from "./port.ts";
import type { HeldBodies } from "./staging.ts";

const ALL_SYSTEM_FLAGS = 0xff;

export function toActor({ userId, sessionId }: Actor): ByActor {
  return { userId, sessionId };
}

/** Loops, because Array.from and Uint32Array.from go through iterators: ten times slower on 100,000 UIDs. */
export function toUids(packed: Uint32Array): Uid[] {
  const uids: number[] = [];
  for (let i = 0; i < packed.length; i++) uids.push(packed[i]!);
  return uids as Uid[];
}

export function allowedFlags(allowed: number | undefined): number {
  return allowed ?? ALL_SYSTEM_FLAGS;
}

export function toAppendItem(message: NewMessage, bodies: HeldBodies): AppendItem {
  return {
    body: bodies.add(message.body),
    systemFlags: message.systemFlags,
    keywords: message.keywords,
    internalDate: message.internalDate,
    annotations: copyValues(message.annotations ?? []),
    threadId: message.threadId ?? "",
    saveDate: message.saveDate,
  };
}

export function toAppendResult({ uidValidity, uids, modseq }: AppendedUids): AppendResult {
  return { uidValidity, uids: toUids(uids), modseq: modseq as Modseq };
}

export function toTargetItem(target: DeliveryTarget): DeliverTargetItem {
  return {
    mailbox: target.mailbox,
    systemFlags: target.systemFlags,
    keywords: target.keywords,
    prefix: target.prefix.length === 0 ? undefined : exactBuffer(target.prefix),
    ignoreQuota: target.ignoreQuota === true,
    duplicateKey: target.duplicateKey,
    annotations: copyValues(target.annotations ?? []),
  };
}

export function toDeliveryResult(item: DeliveredItem): DeliveryResult {
  if (item === "duplicate") return { status: "duplicate" };
  if ("code" in item) return { status: "refused", error: new StoreError(item.code, item.message) };
  return { status: "delivered", uid: item.uid as Uid, uidValidity: item.uidValidity };
}

export function toApplyArgs(change: ReplicatedChange, bodies: HeldBodies): ApplyArgs {
  const { acl, options, specialUse, ...numbers } = change.header;
  const records = change.records.map((record): AppliedRecord => ({
    uid: record.uid,
    modseq: record.modseq,
    createdModseq: record.createdModseq,
    lastUpdated: record.lastUpdated,
    internalDate: record.internalDate,
    sizeBytes: record.sizeBytes,
    guid: record.guid,
    systemFlags: record.systemFlags,
    keywords: record.keywords,
    threadId: record.threadId,
    saveDate: record.saveDate,
    annotations: record.annotations.map(({ entry, userId, modseq, value }) => ({
      entry,
      userId,
      modseq,
      value: exactBuffer(value),
    })),
    body: record.body === undefined ? undefined : bodies.add(record.body),
  }));
  return {
    mailbox: change.mailbox,
    ifHighestModseq: change.ifHighestModseq,
    numbers: Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined)),
    acl,
    options,
    specialUse,
    records,
    annotations: change.annotations?.map(({ entry, userId, modseq, value }) => ({
      entry,
      userId,
      modseq,
      value: exactBuffer(value),
    })),
    revive: change.revive === true,
  };
}
