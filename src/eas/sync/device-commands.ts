/**
 * Add, Change, Delete and Fetch that a device sends in a collection (MS-ASCMD §2.2.3.11, 24, 45, 66).
 *
 * With the last key but one the device repeats what it got no answer to: commands that were done then are answered from
 * memory, and only new ones are done. What the device did is not told to it again.
 */
import { toUid, type Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { type Account, AccountError, type ItemState, type MailCollection } from "../account/port.ts";
import type { RequestSummary } from "../command.ts";
import type { GivenResponse } from "../cursor/collection-record.ts";
import { type Cursor, flagBits } from "../cursor/cursor.ts";
import { digestOf, type Element } from "../element.ts";
import { parseItemId } from "../folders/server-id.ts";
import type { DeviceChange, ItemClass, ItemContext } from "../item-class.ts";
import { syncTags as tags, SyncStatus } from "./sync-tags.ts";

const READ = tagOf("Email:Read");
const TRASH_NAME = "Trash";
const DIGEST_CHARACTERS = 16;
/** Items that may be the one that a device adds again. */
const MAX_UNKNOWN = 20;

export interface CommandContext {
  readonly collection: MailCollection;
  readonly cursor: Cursor;
  readonly itemClass: ItemClass;
  readonly context: ItemContext;
  readonly account: Account;
  readonly deletesAsMoves: boolean;
  /** 0 = the device wins, 1 = the server does. */
  readonly conflict: number;
  readonly summary: RequestSummary;
}

/** An answer to one command, with what an item class adds to it. */
export interface CommandResponse extends GivenResponse {
  readonly write?: ((writer: WbxmlWriter) => void) | undefined;
}

export interface CommandsDone {
  readonly responses: readonly CommandResponse[];
  readonly fetches: readonly string[];
}

/** @param given answers of the request that this one may repeat */
export async function runCommands(
  commands: readonly Element[],
  given: readonly GivenResponse[],
  context: CommandContext,
): Promise<CommandsDone> {
  // Each answer counts once: a device may turn the same switch on, off and on again.
  const known = Map.groupBy(given, keyOf);
  const responses: CommandResponse[] = [];
  const fetches: string[] = [];
  const deletes: Uid[] = [];
  for (const element of commands) {
    if (element.tag === tags.fetch) {
      fetches.push(element.textOf(tags.serverId) ?? "");
      continue;
    }
    const command = describe(element);
    if (command === undefined) continue;
    const before = known.get(keyOf(command))?.shift();
    if (before !== undefined) {
      responses.push(before);
      await adopt(before, context);
    } else if (command.command === "delete") {
      const id = parseItemId(command.id);
      // Of another collection, or none: nothing here is meant.
      if (id !== undefined && id.collectionId === context.context.collectionId) deletes.push(id.uid);
    } else responses.push({ ...command, ...(await addOrChange(element, command, context)) });
  }
  if (deletes.length > 0) responses.push(...(await deleteItems(deletes, context)));
  return { responses, fetches };
}

/** An item that the device added and another gateway does not know of. */
async function adopt({ uid }: GivenResponse, { cursor, collection }: CommandContext): Promise<void> {
  if (uid === 0 || cursor.known.has(uid) || cursor.excluded.has(uid)) return;
  const [state] = await collection.states([uid as Uid]);
  if (state !== undefined) cursor.sent(state);
}

function keyOf({ command, id, digest }: Pick<GivenResponse, "command" | "id" | "digest">): string {
  return `${command}\0${id}\0${digest}`;
}

type Described = Pick<GivenResponse, "command" | "id" | "digest">;

function describe(element: Element): Described | undefined {
  if (element.tag === tags.add) {
    // Another ClientId is another item, whatever it holds.
    return { command: "add", id: element.textOf(tags.clientId) ?? "", digest: "" };
  }
  const id = element.textOf(tags.serverId) ?? "";
  if (element.tag === tags.delete) return { command: "delete", id, digest: "" };
  if (element.tag !== tags.change) return undefined;
  const digest = digestOf(element).toString("base64").slice(0, DIGEST_CHARACTERS);
  return { command: "change", id, digest };
}

type Outcome = Pick<CommandResponse, "status" | "uid" | "write">;

async function addOrChange(element: Element, command: Described, all: CommandContext): Promise<Outcome> {
  const { onceKey = "" } = all.context;
  const own = { ...all.context, onceKey: `${onceKey}:${command.command}:${command.id}` };
  const context = { ...all, context: own };
  context.summary.inChange += 1;
  try {
    return command.command === "add"
      ? await addItem(element, context)
      : await changeItem(element, command.id, context);
  } catch (error) {
    return { status: statusOf(error), uid: 0 };
  }
}

/** @throws what is no refusal of the account, or means that it cannot be asked */
function statusOf(error: unknown): number {
  if (!(error instanceof AccountError) || error.code === "unavailable") throw error;
  if (error.code === "item_missing") return SyncStatus.notFound;
  if (error.code === "over_quota") return SyncStatus.overQuota;
  return error.code === "message_too_big" ? SyncStatus.conversionError : SyncStatus.serverError;
}

async function addItem(element: Element, context: CommandContext): Promise<Outcome> {
  const { itemClass, collection, cursor } = context;
  const data = element.child(tags.applicationData)!;
  const done = await itemClass.add(collection, data, context.context, {
    clientId: element.textOf(tags.clientId) ?? "",
    unknown: async () => cursor.known.newestOutside(await collection.uids(0), MAX_UNKNOWN).map(toUid),
  });
  if (done.status === SyncStatus.ok && done.uid !== undefined) {
    // The device has it already.
    const [state] = await collection.states([done.uid as Uid]);
    if (state !== undefined) {
      cursor.sent({ ...state, modseq: done.modseq === 0 ? state.modseq : done.modseq });
    }
  }
  return { status: done.status, uid: done.uid ?? 0, write: done.write };
}

async function changeItem(element: Element, serverId: string, context: CommandContext): Promise<Outcome> {
  const { itemClass, collection, cursor, conflict } = context;
  const id = parseItemId(serverId);
  if (id === undefined || id.collectionId !== context.context.collectionId) {
    return { status: SyncStatus.notFound, uid: 0 };
  }
  const [before] = await collection.states([id.uid]);
  if (before === undefined || (before.systemFlags & SystemFlag.deleted) !== 0) {
    return { status: SyncStatus.notFound, uid: 0 };
  }
  const data = element.child(tags.applicationData)!;
  const isBehind = !knows(cursor, before);
  // Having read a message contradicts nothing that somebody else did to it.
  const mayConflict = data.children.some(({ tag }) => tag !== READ);
  if (isBehind && mayConflict && conflict === 1) return { status: SyncStatus.conflict, uid: 0 };
  const done = await itemClass.change(collection, id.uid, data, context.context);
  if (done.status === SyncStatus.ok) await note(done, before, isBehind, context);
  return { status: done.status, uid: done.uid ?? 0, write: done.write };
}

function knows(cursor: Cursor, state: ItemState): boolean {
  if (cursor.flags === undefined) return cursor.knowsChange(state);
  return cursor.flags.get(state.uid) === flagBits(state);
}

/** The device knows what it changed, unless it missed what somebody else changed before. */
async function note(
  done: DeviceChange,
  before: ItemState,
  isBehind: boolean,
  { cursor, collection }: CommandContext,
): Promise<void> {
  if (isBehind || !cursor.known.has(before.uid)) return;
  if (cursor.flags === undefined) {
    if (done.modseq > 0) cursor.saw(before.uid, done.modseq);
    return;
  }
  const [after] = await collection.states([before.uid]);
  if (after !== undefined) cursor.flags.set(after.uid, flagBits(after));
}

/** To the trash, or for good from there. What cannot be deleted comes back to the device. */
async function deleteItems(uids: readonly Uid[], context: CommandContext): Promise<CommandResponse[]> {
  const { collection, cursor, account, deletesAsMoves, summary } = context;
  summary.inDelete += uids.length;
  try {
    if (deletesAsMoves && collection.use !== "trash") await collection.move(uids, await trashKey(account));
    else await collection.expunge(uids);
  } catch (error) {
    const status = statusOf(error);
    for (const uid of uids) cursor.gone(uid);
    cursor.complete = false;
    return uids.map((uid) => ({
      command: "delete",
      id: `${context.context.collectionId}:${uid}`,
      digest: "",
      status,
      uid: 0,
    }));
  }
  for (const uid of uids) cursor.gone(uid);
  return uids.map((uid) => ({
    command: "delete",
    id: `${context.context.collectionId}:${uid}`,
    digest: "",
    status: SyncStatus.ok,
    uid: 0,
  }));
}

/** A user without a trash folder gets one: nothing is lost that the device only wanted moved. */
async function trashKey(account: Account): Promise<string> {
  const trash = (await account.folders()).find(({ use }) => use === "trash");
  return trash?.key ?? (await account.createFolder(undefined, TRASH_NAME)).key;
}
