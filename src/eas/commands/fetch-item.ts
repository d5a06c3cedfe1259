/** Fetch of ItemOperations: MS-ASCMD §2.2.3.67. By ServerId, LongId or FileReference. */
import { type Tag, tagOf } from "../../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError } from "../account/port.ts";
import type { EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import type { AttachmentContents } from "../mail/attachment-content.ts";
import type { EmailClass } from "../mail/email-class.ts";
import type { TakePart, WriteEmail } from "../mail/email-item.ts";
import { base, PART } from "../mail/email-tags.ts";
import { parseFileReference } from "../mail/file-reference.ts";
import { parseRange } from "./byte-range.ts";
import { writeProperties } from "./copy-properties.ts";
import { type ItemPlace, nameForFiles, parseLongId, placeOf, placeOfFile, withItem } from "./find-item.ts";

const FETCH = tagOf("ItemOperations:Fetch");
const STATUS = tagOf("ItemOperations:Status");
const STORE = tagOf("ItemOperations:Store");
const OPTIONS = tagOf("ItemOperations:Options");
const RANGE = tagOf("ItemOperations:Range");
const TOTAL = tagOf("ItemOperations:Total");
const DATA = tagOf("ItemOperations:Data");
const SCHEMA = tagOf("ItemOperations:Schema");
const PROPERTIES = tagOf("ItemOperations:Properties");
const SERVER_ID = tagOf("AirSync:ServerId");
const COLLECTION_ID = tagOf("AirSync:CollectionId");
const CLASS = tagOf("AirSync:Class");
const LONG_ID = tagOf("Search:LongId");

const OK = 1;
const PROTOCOL_ERROR = 2;
const SERVER_ERROR = 3;
const NOT_FOUND = 6;
const BAD_RANGE = 8;
const STORE_UNKNOWN = 9;
const CONVERSION_FAILED = 14;
const BAD_ATTACHMENT = 15;
const DENIED = 16;

export interface FetchServices {
  readonly email: EmailClass;
  readonly contents: AttachmentContents;
  /** Undefined: everything stands in the document. */
  readonly takePart: TakePart | undefined;
}

/** Writes the answer to an operation. */
export type WriteResult = (writer: WbxmlWriter) => void;

export async function runFetch(
  request: EasRequest,
  fetch: Element,
  services: FetchServices,
): Promise<WriteResult> {
  // DocumentLibrary is for file shares, which this gateway does not reach.
  if (!/^mailbox$/i.test(fetch.textOf(STORE) ?? "")) {
    return (writer) => writer.start(FETCH).text(STATUS, STORE_UNKNOWN).end();
  }
  const reference = fetch.textOf(base.fileReference);
  return reference === undefined
    ? fetchMail(request, fetch, services)
    : fetchAttachment(request, reference, fetch, services);
}

async function fetchMail(
  request: EasRequest,
  fetch: Element,
  { email, takePart }: FetchServices,
): Promise<WriteResult> {
  const serverId = fetch.textOf(SERVER_ID);
  const longId = fetch.textOf(LONG_ID);
  const collectionId = fetch.textOf(COLLECTION_ID) ?? serverId?.split(":")[0] ?? "";
  const options = fetch.child(OPTIONS);
  const schema = options?.child(SCHEMA);
  let write: WriteEmail | undefined;
  const status = await statusOf(async () => {
    if (serverId === undefined && longId === undefined) return PROTOCOL_ERROR;
    const place = await placeIn(request, serverId, longId);
    if (place === undefined) return NOT_FOUND;
    const { version, account } = request;
    const context = {
      version,
      account,
      options: email.readOptions(options, version),
      collectionId: place.collectionId || (await nameForFiles(request, place.folderKey)),
    };
    write = await withItem(request, place, (item) => email.prepare(item, context));
    return write === undefined ? NOT_FOUND : OK;
  });
  if (write !== undefined) request.summary.outFetch += 1;
  const wanted: ReadonlySet<Tag> | undefined =
    schema === undefined ? undefined : new Set(schema.children.map(({ tag }) => tag));
  return (writer) => {
    const head = (told: number): void => {
      writer.start(FETCH).text(STATUS, told);
      if (longId !== undefined && longId !== "") writer.text(LONG_ID, longId);
      else if (serverId !== undefined) writer.text(COLLECTION_ID, collectionId).text(SERVER_ID, serverId);
    };
    const start = writer.mark();
    head(status);
    try {
      if (write !== undefined) {
        writer.text(CLASS, "Email").start(PROPERTIES);
        writeProperties(writer, write, wanted, takePart);
        writer.end();
      }
    } catch (error) {
      request.log.error("item not written", { err: error });
      writer.rewind(start);
      head(CONVERSION_FAILED);
    }
    writer.end();
  };
}

async function placeIn(
  request: EasRequest,
  serverId: string | undefined,
  longId: string | undefined,
): Promise<ItemPlace | undefined> {
  if (serverId !== undefined) return placeOf(request, serverId);
  return longId === undefined ? undefined : parseLongId(longId);
}

async function fetchAttachment(
  request: EasRequest,
  reference: string,
  fetch: Element,
  { contents, takePart }: FetchServices,
): Promise<WriteResult> {
  const parsed = parseFileReference(reference);
  let found: { contentType: string; bytes: Buffer; start: number; total: number } | undefined;
  const status = await statusOf(async () => {
    const place = parsed && (await placeOfFile(request, parsed));
    if (parsed === undefined || place === undefined) return BAD_ATTACHMENT;
    const content = await withItem(request, place, (item) => contents.read(item, parsed.path));
    if (content === undefined) return BAD_ATTACHMENT;
    const total = content.bytes.length;
    const range = parseRange(fetch.child(OPTIONS)?.textOf(RANGE), { start: 0, end: Math.max(0, total - 1) });
    if (range === "bad" || (range.start >= total && total > 0)) return BAD_RANGE;
    const bytes = content.bytes.subarray(range.start, range.end + 1);
    found = { contentType: content.contentType, bytes, start: range.start, total };
    return OK;
  });
  if (found !== undefined) request.summary.outFetch += 1;
  return (writer) => {
    writer.start(FETCH).text(STATUS, status).text(base.fileReference, reference);
    if (found !== undefined) {
      const { contentType, bytes, start, total } = found;
      writer.start(PROPERTIES).text(base.contentType, contentType);
      if (fetch.child(OPTIONS)?.child(RANGE) !== undefined && bytes.length > 0) {
        writer.text(RANGE, `${start}-${start + bytes.length - 1}`).text(TOTAL, total);
      }
      if (takePart !== undefined) writer.text(PART, takePart(bytes));
      else writer.text(DATA, bytes.toString("base64"));
      writer.end();
    }
    writer.end();
  };
}

/** A message that cannot be read or converted fails alone. */
async function statusOf(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AccountError)) return CONVERSION_FAILED;
    if (error.code === "permission_denied") return DENIED;
    if (error.code === "folder_missing" || error.code === "item_missing") return NOT_FOUND;
    return SERVER_ERROR;
  }
}
