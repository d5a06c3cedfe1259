/** From the device's name of a folder to the account's. */
import type { EasRequest } from "../command.ts";
import { DeviceFolders } from "./device-folders.ts";

/** Key of the folder with this CollectionId; undefined for one that the device was not told of. */
export async function folderKeyOf(
  { states, device }: Pick<EasRequest, "states" | "device">,
  collectionId: string,
): Promise<string | undefined> {
  return (await DeviceFolders.load(states, device)).byId(collectionId)?.key;
}

/** CollectionId of a folder by the account's key; undefined for one that the device was not told of. */
export async function collectionIdOf(
  { states, device }: Pick<EasRequest, "states" | "device">,
  folderKey: string,
): Promise<string | undefined> {
  return (await DeviceFolders.load(states, device)).byKey(folderKey)?.id;
}
