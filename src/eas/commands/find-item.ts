/** Items by the names that devices have for them: ServerId, CollectionId and ItemId, LongId. */
import { toUid } from "../../base/numbers.ts";
import { AccountError, type MailCollection, type MailItem } from "../account/port.ts";
import type { EasRequest } from "../command.ts";
import { collectionIdOf, folderKeyOf } from "../folders/folder-key.ts";
import { parseItemId } from "../folders/server-id.ts";
import { type FileReference, folderKeyIn, folderName } from "../mail/file-reference.ts";

/** Where an item is, whether it is still there or not. */
export interface ItemPlace {
  /** "" for one that was found by Search and is named by LongId. */
  readonly collectionId: string;
  readonly folderKey: string;
  readonly uid: number;
}

/** LongId of Search and Find (MS-ASCMD §2.2.3.100): good for every device of the user, also in folders it does not sync. */
export function printLongId(folderKey: string, uid: number): string {
  return Buffer.from(`${uid}:${folderKey}`).toString("base64url");
}

export function parseLongId(text: string): ItemPlace | undefined {
  if (text.length > MAX_LONG_ID_CHARACTERS || !/^[\w-]+$/.test(text)) return undefined;
  const match = /^([1-9]\d{0,9}):(.+)$/s.exec(Buffer.from(text, "base64url").toString("utf8"));
  if (match === null || Number(match[1]) > 0xffff_ffff) return undefined;
  return { collectionId: "", folderKey: match[2]!, uid: Number(match[1]) };
}
const MAX_LONG_ID_CHARACTERS = 512;

/** Undefined for an id of no folder that this device knows. */
export async function placeOf(request: EasRequest, serverId: string): Promise<ItemPlace | undefined> {
  const parsed = parseItemId(serverId);
  if (parsed === undefined) return undefined;
  const folderKey = await folderKeyOf(request, parsed.collectionId);
  return folderKey === undefined ? undefined : { ...parsed, folderKey };
}

/** The message that a FileReference speaks of. */
export async function placeOfFile(
  request: EasRequest,
  { collectionId, uid }: FileReference,
): Promise<ItemPlace | undefined> {
  const folderKey = folderKeyIn(collectionId) ?? (await folderKeyOf(request, collectionId));
  return folderKey === undefined ? undefined : { collectionId, uid, folderKey };
}

/** What stands for the folder in FileReferences: its CollectionId where the device has one. */
export async function nameForFiles(request: EasRequest, folderKey: string): Promise<string> {
  return (await collectionIdOf(request, folderKey)) ?? folderName(folderKey);
}

/** Opens the item's folder for `use`; undefined when folder or item are gone. A bad item rejects. */
export async function withItem<Result>(
  { account }: EasRequest,
  { folderKey, uid }: ItemPlace,
  use: (item: MailItem, collection: MailCollection) => Promise<Result>,
): Promise<Result | undefined> {
  let collection: MailCollection;
  try {
    collection = await account.openMail(folderKey);
  } catch (error) {
    if (error instanceof AccountError && error.code === "folder_missing") return undefined;
    throw error;
  }
  try {
    for await (const item of collection.items([toUid(uid)])) {
      if (item.failure !== undefined) throw item.failure;
      return await use(item, collection);
    }
    return undefined;
  } finally {
    collection.release();
  }
}
