/** create, delete, rename, setHeader, deleteUser, renameUser: the names of mailboxes and what hangs on them. */
import { initialAcl } from "../acl.ts";
import { StoreError } from "../errors.ts";
import type { MailboxName } from "../model.ts";
import {
  checkName,
  inboxOf,
  isBelow,
  isDeletedName,
  isInbox,
  parentOf,
  sortKey,
  toDeletedName,
  userOf,
} from "../names.ts";
import { NUMBER_FIELDS, type HeaderNumbers, type NumberField } from "../header-values.ts";
import type { CreateArgs } from "../operations.ts";
import { EMPTY_ANNOT_CRC } from "../sync-crc.ts";
import { annotationBytesOf } from "./annotations.ts";
import { copyRecord, expungeRecord } from "./append.ts";
import type { Batch } from "./batch.ts";
import type { MailboxState } from "./mailbox-state.ts";
import type { Apply } from "./operation.ts";
import type { Usage } from "./quota-state.ts";

const DEFAULT_PARTITION = "default";
/** Mailboxes below each other; Cyrus's names are bounded by their length, this bounds the work of a bad one. */
const MAX_DEPTH = 64;

/** Makes unique ids: 24 of [0-9a-z], as Cyrus's. */
export type NewUniqueId = () => string;

export function createWith(newUniqueId: NewUniqueId): Apply<"create"> {
  return (batch, args) => {
    checkName(args.name);
    const existing = batch.byName(args.name);
    // An intermediate gives way to a mailbox, and to an intermediate with the unique id of its master.
    const isPlaceholder = args.intermediate && args.uniqueId === undefined;
    if (existing !== undefined && (!existing.statics.intermediate || isPlaceholder)) {
      throw new StoreError("mailbox_exists", `mailbox ${args.name} exists already`);
    }
    if (args.uniqueId !== undefined && batch.index.idOfUniqueId(args.uniqueId) !== undefined) {
      throw new StoreError("conflict", `unique id ${args.uniqueId} belongs to another mailbox`);
    }
    checkSpecialUse(batch, args.name, args.specialUse, undefined);
    const quotaRoot = args.intermediate ? undefined : batch.quotaRootOf(args.name);
    batch.quotas.check(quotaRoot, { mailboxes: 1 });
    if (existing !== undefined) remove(batch, existing);
    createMissingParents(batch, args.name, newUniqueId);
    return { id: insert(batch, args, newUniqueId).id };
  };
}

export function insert(batch: Batch, args: CreateArgs, newUniqueId: NewUniqueId): MailboxState {
  const parent = nearestParent(batch, args.name);
  const quotaRoot = args.intermediate ? undefined : batch.quotaRootOf(args.name);
  batch.changes++;
  const id = batch.index.insertMailbox(
    {
      name: args.name,
      uniqueId: args.uniqueId ?? newUniqueId(),
      type: args.type,
      intermediate: args.intermediate,
      partition: args.partition ?? parent?.statics.partition ?? DEFAULT_PARTITION,
      acl: args.acl ?? initialAcl(args.name, parent?.statics.acl),
      specialUse: args.specialUse,
      options: args.intermediate ? [] : ["pop3NewUidl"],
      quotaRoot,
      keywords: [],
    },
    initialNumbers(batch, args),
  );
  batch.quotas.count(quotaRoot, { mailboxes: 1 });
  const state = batch.adopt(id);
  batch.feed("create", state);
  return state;
}

function initialNumbers(batch: Batch, args: CreateArgs): HeaderNumbers {
  const numbers = Object.fromEntries(NUMBER_FIELDS.map((field) => [field, 0])) as HeaderNumbers;
  numbers.uidValidity = args.uidValidity ?? nextUidValidity(batch);
  numbers.highestModseq = numbers.createdModseq = numbers.folderModseq = 1;
  numbers.syncCrcAnnot = EMPTY_ANNOT_CRC;
  numbers.createdAt = batch.nowSeconds;
  return numbers;
}

/** Seconds since 1970, but always more than any before: RFC 9051 §2.3.1.1. */
function nextUidValidity(batch: Batch): number {
  const value = Math.max(batch.nowSeconds, batch.index.meta("uid_validity") + 1);
  batch.index.setMeta("uid_validity", value);
  return value;
}

function nearestParent(batch: Batch, name: MailboxName): MailboxState | undefined {
  for (let at = parentOf(name); at !== undefined; at = parentOf(at)) {
    const state = batch.byName(at);
    if (state !== undefined) return state;
  }
  return undefined;
}

/** RFC 9051 §6.4.4: missing levels above a new mailbox come into being; here as intermediates, as in Cyrus. */
function createMissingParents(batch: Batch, name: MailboxName, newUniqueId: NewUniqueId): void {
  const missing: MailboxName[] = [];
  for (let at = parentOf(name); at !== undefined && !isInbox(at); at = parentOf(at)) {
    if (batch.index.idOfName(at) !== undefined) break;
    missing.push(at);
    if (missing.length > MAX_DEPTH)
      throw new StoreError("mailbox_name_invalid", `${name} has too many levels`);
  }
  for (const parent of missing.reverse()) insert(batch, intermediateArgs(parent), newUniqueId);
}

function intermediateArgs(name: MailboxName): CreateArgs {
  return {
    name,
    type: "mail",
    partition: undefined,
    acl: undefined,
    specialUse: [],
    uniqueId: undefined,
    uidValidity: undefined,
    intermediate: true,
  };
}

/** RFC 6154 §3: a use belongs to one mailbox of a user. @throws StoreError special_use_taken */
function checkSpecialUse(
  batch: Batch,
  name: MailboxName,
  uses: readonly string[],
  self: MailboxState | undefined,
): void {
  const owner = userOf(name);
  if (uses.length === 0 || owner === "" || isDeletedName(name)) return;
  for (const id of idsOf(batch, inboxOf(owner))) {
    if (id === self?.id) continue;
    const other = batch.mailbox(id);
    const taken = other.statics.specialUse.find((use) => uses.includes(use));
    if (taken !== undefined) {
      throw new StoreError("special_use_taken", `\\${taken} is the use of ${other.statics.name} already`);
    }
  }
}

export function idsOf(batch: Batch, name: MailboxName): number[] {
  const own = batch.index.idOfName(name);
  const below = batch.idsBelow(name);
  return own === undefined ? below : [own, ...below];
}

export function deleteWith(newUniqueId: NewUniqueId): Apply<"delete"> {
  return (batch, { mailbox, immediate }) => {
    const state = batch.mailbox(mailbox);
    const { name } = state.statics;
    if (immediate || state.statics.intermediate || isDeletedName(name)) {
      remove(batch, state);
      tidyParents(batch, name, newUniqueId);
      return { newName: undefined };
    }
    let atSeconds = batch.nowSeconds;
    while (batch.index.idOfName(toDeletedName(name, atSeconds)) !== undefined) atSeconds++;
    const newName = toDeletedName(name, atSeconds);
    moveName(batch, state, newName);
    batch.feed("delete", state);
    tidyParents(batch, name, newUniqueId);
    return { newName };
  };
}

/** After `name` went: it stays as an intermediate while something is below it; intermediates above that lead nowhere go. */
function tidyParents(batch: Batch, name: MailboxName, newUniqueId: NewUniqueId): void {
  if (isDeletedName(name)) return;
  if (batch.index.idOfName(name) === undefined && !isInbox(name) && batch.idsBelow(name).length > 0) {
    insert(batch, intermediateArgs(name), newUniqueId);
    return;
  }
  for (let at = parentOf(name); at !== undefined; at = parentOf(at)) {
    const parent = batch.byName(at);
    if (parent === undefined) continue;
    if (!parent.statics.intermediate || batch.idsBelow(at).length > 0) return;
    remove(batch, parent);
  }
}

/** What a mailbox takes of its quota root. */
function usageOf(batch: Batch, state: MailboxState): Usage {
  const { sizeBytes: bytes, exists: messages } = state.numbers;
  return { bytes, messages, annotationBytes: annotationBytesOf(batch, state), mailboxes: 1 };
}

/** Removes a mailbox with everything in it; a tombstone of the name stays. */
export function remove(batch: Batch, state: MailboxState): void {
  const { id, name, uniqueId, type, quotaRoot } = state.statics;
  const { index } = batch;
  batch.changes++;
  const usage = usageOf(batch, state);
  for (const chunk of state.chunks()) {
    const cold = state.coldOf(chunk);
    for (let i = 0; i < chunk.count; i++) batch.bodies.addRefs(cold.bodyIds[i]!, -1);
  }
  const range = [id * 2 ** 32, (id + 1) * 2 ** 32];
  index.sql("DELETE FROM hot_chunks WHERE key >= ? AND key < ?").run(...range);
  index.sql("DELETE FROM cold_chunks WHERE key >= ? AND key < ?").run(...range);
  index.sql("DELETE FROM message_annotations WHERE mailbox = ?").run(id);
  index.sql("DELETE FROM mailbox_annotations WHERE mailbox = ?").run(id);
  index.sql("DELETE FROM duplicates WHERE mailbox = ?").run(id);
  index.sql("DELETE FROM seen_states WHERE unique_id = ?").run(uniqueId);
  index.sql("DELETE FROM mailboxes WHERE id = ?").run(id);
  const { numbers } = state;
  if (!state.statics.intermediate) {
    index
      .sql("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?, ?, ?)")
      .run(sortKey(name), uniqueId, type, numbers.uidValidity, numbers.highestModseq + 1, batch.nowSeconds);
  }
  batch.quotas.count(quotaRoot, usage, -1);
  state.isDeleted = true;
  state.isDirty = true;
  state.nameOrAclChanged = true;
  batch.feed("delete", state);
}

/** Gives a mailbox another name, on the same partition: quota moves along. */
export function moveName(batch: Batch, state: MailboxState, newName: MailboxName): void {
  const { name, quotaRoot, uniqueId } = state.statics;
  const newRoot =
    isDeletedName(newName) || state.statics.intermediate ? undefined : batch.quotaRootOf(newName);
  if (newRoot !== quotaRoot) {
    const usage = usageOf(batch, state);
    batch.quotas.count(quotaRoot, usage, -1);
    batch.quotas.count(newRoot, usage);
  }
  state.numbers.folderModseq = state.nextModseq();
  state.setStatics({ name: newName, quotaRoot: newRoot });
  state.nameOrAclChanged = true;
  // At once, so that later operations of the batch find the name.
  batch.index.updateStatics(state.id, state.statics);
  batch.index
    .sql("INSERT OR REPLACE INTO name_history VALUES (?, ?, ?)")
    .run(uniqueId, sortKey(name), batch.nowSeconds);
}

export function renameWith(newUniqueId: NewUniqueId): Apply<"rename"> {
  return (batch, { mailbox, newName, withChildren, partition }) => {
    const state = batch.mailbox(mailbox);
    const { name } = state.statics;
    if (name === newName) {
      if (partition !== undefined) changePartition(batch, state, partition);
      return undefined;
    }
    checkName(newName);
    if (isBelow(newName, name) && withChildren && !isInbox(name)) {
      throw new StoreError("mailbox_operation_invalid", `${name} cannot go below itself`);
    }
    if (isInbox(name) && !isInbox(newName) && !isDeletedName(newName)) {
      return emptyInbox(batch, state, newName, newUniqueId);
    }
    const moves = withChildren ? [state, ...batch.idsBelow(name).map((id) => batch.mailbox(id))] : [state];
    const targets = moves.map((moved) => newName + moved.statics.name.slice(name.length));
    const replaced: MailboxState[] = [];
    for (const target of targets) {
      checkName(target);
      const existing = batch.byName(target);
      if (existing !== undefined && !existing.statics.intermediate) {
        throw new StoreError("mailbox_exists", `mailbox ${target} exists already`);
      }
      if (existing !== undefined && !moves.includes(existing)) replaced.push(existing);
    }
    if (userOf(newName) !== userOf(name)) {
      for (const [index, moved] of moves.entries()) {
        checkSpecialUse(batch, targets[index]!, moved.statics.specialUse, moved);
      }
    }
    for (const existing of replaced) remove(batch, existing);
    createMissingParents(batch, newName, newUniqueId);
    for (const [index, moved] of moves.entries()) {
      moveName(batch, moved, targets[index]!);
      if (partition !== undefined) changePartition(batch, moved, partition);
      batch.feed("rename", moved);
    }
    tidyParents(batch, name, newUniqueId);
    return undefined;
  };
}

/** RFC 9051 §6.3.6: renaming INBOX moves its messages to the new mailbox and leaves it empty. */
function emptyInbox(
  batch: Batch,
  inbox: MailboxState,
  newName: MailboxName,
  newUniqueId: NewUniqueId,
): undefined {
  if (batch.index.idOfName(newName) !== undefined) {
    throw new StoreError("mailbox_exists", `mailbox ${newName} exists already`);
  }
  createMissingParents(batch, newName, newUniqueId);
  const args = { ...intermediateArgs(newName), intermediate: false };
  const target = insert(
    batch,
    { ...args, acl: inbox.statics.acl, partition: inbox.statics.partition },
    newUniqueId,
  );
  const uids: number[] = [];
  inbox.eachLiveOfAll((_chunk, _index, uid) => uids.push(uid));
  if (uids.length === 0) return undefined;
  const modseq = target.nextModseq();
  for (const uid of uids) {
    const record = inbox.find(uid)!;
    const words = target.keywordBits(inbox.keywordsOf(record.chunk, record.index), true);
    copyRecord(batch, inbox, record, target, { modseq, flags: ~0, words });
  }
  const gone = inbox.nextModseq();
  for (const uid of uids) expungeRecord(batch, inbox, uid, gone);
  batch.feed("append", target);
  batch.feed("expunge", inbox);
  return undefined;
}

/** Puts every body of a mailbox on another partition. */
function changePartition(batch: Batch, state: MailboxState, partition: string): void {
  if (state.statics.partition === partition) return;
  for (const chunk of state.chunks()) {
    const cold = state.coldOf(chunk);
    for (let index = 0; index < chunk.count; index++) {
      const old = cold.bodyIds[index]!;
      cold.bodyIds[index] = batch.linkById(old, partition, state.id, chunk.uids[index]!);
      batch.bodies.addRefs(old, -1);
    }
    state.markCold(chunk);
  }
  state.setStatics({ partition });
  state.reload = true;
  batch.index.updateStatics(state.id, state.statics);
}

export const setHeader: Apply<"setHeader"> = (
  batch,
  { mailbox, acl, specialUse, options, numbers, quarantined },
) => {
  const state = batch.mailbox(mailbox);
  if (specialUse !== undefined) checkSpecialUse(batch, state.statics.name, specialUse, state);
  if (acl !== undefined) {
    state.setStatics({ acl });
    state.numbers.folderModseq = state.nextModseq();
    state.nameOrAclChanged = true;
    batch.feed("acl", state);
  }
  if (specialUse !== undefined) state.setStatics({ specialUse });
  if (options !== undefined) state.setStatics({ options });
  for (const [field, value] of Object.entries(numbers ?? {})) state.numbers[field as NumberField] = value;
  if (quarantined !== undefined) state.numbers.quarantined = quarantined ? 1 : 0;
  state.isDirty = true;
  // \Recent and POP3 times concern nobody who has not asked; replicas hear of them with the next change or here.
  if (specialUse !== undefined || options !== undefined || numbers !== undefined) batch.feed("header", state);
  return undefined;
};
