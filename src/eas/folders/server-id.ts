/** ServerId of an item: `CollectionId:uid`, with which Search, ItemOperations and MoveItems name it too. */
import { MAX_UINT32, type Uid } from "../../base/numbers.ts";

export interface ItemId {
  readonly collectionId: string;
  readonly uid: Uid;
}

export function printItemId(collectionId: string, uid: number): string {
  return `${collectionId}:${uid}`;
}

/** Undefined for what is none. */
export function parseItemId(text: string): ItemId | undefined {
  const match = /^([^:]{1,64}):([1-9]\d{0,9})$/.exec(text);
  if (match === null || Number(match[2]) > MAX_UINT32) return undefined;
  return { collectionId: match[1]!, uid: Number(match[2]) as Uid };
}
