/** People of the address list as Search and Find show them: MS-ASCMD §2.2.3.140 (Properties), with photos since 14.1. */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { DirectoryPerson } from "../account/port.ts";
import type { EasRequest } from "../command.ts";
import type { Element } from "../element.ts";

const FIELDS = [
  ["displayName", tagOf("GAL:DisplayName")],
  ["phone", tagOf("GAL:Phone")],
  ["office", tagOf("GAL:Office")],
  ["title", tagOf("GAL:Title")],
  ["company", tagOf("GAL:Company")],
  ["alias", tagOf("GAL:Alias")],
  ["firstName", tagOf("GAL:FirstName")],
  ["lastName", tagOf("GAL:LastName")],
  ["homePhone", tagOf("GAL:HomePhone")],
  ["mobilePhone", tagOf("GAL:MobilePhone")],
  ["address", tagOf("GAL:EmailAddress")],
] as const;
const PICTURE = tagOf("GAL:Picture");
const STATUS = tagOf("GAL:Status");
const DATA = tagOf("GAL:Data");

/** MS-ASCMD §2.2.2. */
const OK = 1;
const NO_PHOTO = 173;
const PHOTO_TOO_BIG = 174;
const TOO_MANY_PHOTOS = 175;

const DEFAULT_PHOTO_BYTES = 100 * 1024;
const MAX_PHOTO_BYTES = 1024 * 1024;
const MAX_PHOTOS = 100;

/** How many photos of what size; undefined = none asked for. */
export interface PhotoWish {
  readonly maxBytes: number;
  readonly maxCount: number;
}

export function readPhotoWish(
  picture: Element | undefined,
  maxSizeTag: number,
  maxPicturesTag: number,
): PhotoWish | undefined {
  if (picture === undefined) return undefined;
  const within = (value: number | undefined, missing: number, most: number): number =>
    value === undefined || value < 0 ? missing : Math.min(value, most);
  return {
    maxBytes: within(picture.numberOf(maxSizeTag), DEFAULT_PHOTO_BYTES, MAX_PHOTO_BYTES),
    maxCount: within(picture.numberOf(maxPicturesTag), MAX_PHOTOS, MAX_PHOTOS),
  };
}

export type Photo = { readonly status: number; readonly bytes?: Buffer };

export async function photosOf(
  { account }: EasRequest,
  people: readonly DirectoryPerson[],
  wish: PhotoWish | undefined,
): Promise<readonly Photo[]> {
  if (wish === undefined) return [];
  const photos: Photo[] = [];
  let count = 0;
  for (const { address } of people) {
    const photo = count >= wish.maxCount ? "too_many" : await account.photo(address, wish.maxBytes);
    if (Buffer.isBuffer(photo)) {
      count += 1;
      photos.push({ status: OK, bytes: photo });
    } else {
      const status = { none: NO_PHOTO, too_big: PHOTO_TOO_BIG, too_many: TOO_MANY_PHOTOS }[photo];
      photos.push({ status });
    }
  }
  return photos;
}

export function writePerson(writer: WbxmlWriter, person: DirectoryPerson, photo: Photo | undefined): void {
  for (const [name, tag] of FIELDS) if (person[name] !== "") writer.text(tag, person[name]);
  if (photo === undefined) return;
  writer.start(PICTURE).text(STATUS, photo.status);
  if (photo.bytes !== undefined) writer.text(DATA, photo.bytes.toString("base64"));
  writer.end();
}
