/**
 * FileReference (MS-ASAIRS §2.2.2.24) names a part of a message: `CollectionId:uid:part`, with "0" for the whole body of a
 * message that has no parts. It stays good as long as the item's ServerId does.
 */
export interface FileReference {
  /** For a folder that the device does not know "L" and a name of our own: `folderName`. */
  readonly collectionId: string;
  readonly uid: number;
  /** Path of a `MailPart`. */
  readonly path: string;
}

/** Stands for the CollectionId of a folder that only a search led to. */
export function folderName(folderKey: string): string {
  return `L${Buffer.from(folderKey).toString("base64url")}`;
}

/** Undefined for a CollectionId. */
export function folderKeyIn(name: string): string | undefined {
  return /^L[\w-]+$/.test(name) ? Buffer.from(name.slice(1), "base64url").toString("utf8") : undefined;
}

export function printFileReference({ collectionId, uid, path }: FileReference): string {
  return `${collectionId}:${uid}:${path === "" ? "0" : path}`;
}

export function parseFileReference(text: string): FileReference | undefined {
  const match = /^([^:]{1,400}):([1-9]\d{0,9}):(0|[1-9]\d{0,4}(?:\.[1-9]\d{0,4}){0,200})$/.exec(
    // Devices hand it back as they put it into a URL.
    /%3a/i.test(text) ? text.replace(/%3a/gi, ":") : text,
  );
  if (match === null || Number(match[2]) > 0xffff_ffff) return undefined;
  return { collectionId: match[1]!, uid: Number(match[2]), path: match[3] === "0" ? "" : match[3]! };
}
