/** Search: MS-ASCMD §2.2.1.16. Mail, and people of the address list; file shares are refused. */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { collectionIdOf } from "../folders/folder-key.ts";
import { type EmailClass, emailOf } from "../mail/email-class.ts";
import { LAST_RESULT, parseRange, type Range } from "./byte-range.ts";
import { nameForFiles, printLongId } from "./find-item.ts";
import { photosOf, readPhotoWish, writePerson } from "./people-properties.ts";
import { MAX_RESULTS, useHits, type QueryRefusal, readSearchQuery } from "./search-mail.ts";
import type { CommandServices } from "./services.ts";

const ROOT = tagOf("Search:Search");
const STATUS = tagOf("Search:Status");
const RESPONSE = tagOf("Search:Response");
const STORE = tagOf("Search:Store");
const NAME = tagOf("Search:Name");
const QUERY = tagOf("Search:Query");
const OPTIONS = tagOf("Search:Options");
const DEEP_TRAVERSAL = tagOf("Search:DeepTraversal");
const RANGE = tagOf("Search:Range");
const TOTAL = tagOf("Search:Total");
const RESULT = tagOf("Search:Result");
const PROPERTIES = tagOf("Search:Properties");
const LONG_ID = tagOf("Search:LongId");
const PICTURE = tagOf("Search:Picture");
const MAX_SIZE = tagOf("Search:MaxSize");
const MAX_PICTURES = tagOf("Search:MaxPictures");
const CLASS = tagOf("AirSync:Class");
const COLLECTION_ID = tagOf("AirSync:CollectionId");

/** MS-ASCMD §2.2.3.177.13, of the whole and of the store. */
const OK = 1;
const INVALID_REQUEST = 2;
const SERVER_ERROR = 3;
const TOO_COMPLEX = 8;
const NEED_FOLDER_SYNC = 11;
const END_OF_RANGE = 12;
const ACCESS_BLOCKED = 13;

const REFUSALS: Record<QueryRefusal, number> = {
  invalid: INVALID_REQUEST,
  too_complex: TOO_COMPLEX,
  folder_unknown: NEED_FOLDER_SYNC,
};
const FIRST_HUNDRED: Range = { start: 0, end: MAX_RESULTS - 1 };

/** Writes the children of Store behind its Status, or answers another status. */
type WriteStore = (writer: WbxmlWriter) => void;

export function search(services: CommandServices): Command {
  return {
    name: "Search",
    async run(request): Promise<EasAnswer> {
      const store = request.root?.child(STORE);
      if (request.root?.tag !== ROOT || store === undefined) return statusAnswer(INVALID_REQUEST);
      const found = await searchStore(request, store, emailOf(services));
      const writer = new WbxmlWriter().start(ROOT).text(STATUS, OK).start(RESPONSE).start(STORE);
      if (typeof found === "number") writer.text(STATUS, found);
      else {
        writer.text(STATUS, OK);
        found(writer);
      }
      return { kind: "wbxml", bytes: writer.end().end().end().finish() };
    },
  };
}

async function searchStore(
  request: EasRequest,
  store: Element,
  email: EmailClass,
): Promise<WriteStore | number> {
  const asked = parseRange(store.child(OPTIONS)?.textOf(RANGE), FIRST_HUNDRED);
  if (asked === "bad") return INVALID_REQUEST;
  if (asked.start > LAST_RESULT) return END_OF_RANGE;
  const range = { start: asked.start, end: Math.min(asked.end, LAST_RESULT) };
  try {
    switch ((store.textOf(NAME) ?? "").toLowerCase()) {
      case "mailbox":
        return await searchMailbox(request, store, range, email);
      case "gal":
        return await searchPeople(request, store, range);
      case "documentlibrary":
      case "document library":
        // There are no file shares behind this gateway.
        return ACCESS_BLOCKED;
      default:
        return INVALID_REQUEST;
    }
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    request.log.warn("search failed", { err: error });
    return SERVER_ERROR;
  }
}

async function searchMailbox(
  request: EasRequest,
  store: Element,
  range: Range,
  email: EmailClass,
): Promise<WriteStore | number> {
  const options = store.child(OPTIONS);
  const deep = options?.flagOf(DEEP_TRAVERSAL, false) ?? false;
  const query = await readSearchQuery(request, store.child(QUERY), deep, range);
  if (typeof query === "string") return REFUSALS[query];
  const { account, version } = request;
  const hits = await account.searchMail(query);
  if (hits.total > 0 && range.start >= hits.total) return END_OF_RANGE;
  const bodyOptions = email.readOptions(options, version);
  const results = await useHits(request, hits, async (folderKey, item) => {
    const context = {
      version,
      account,
      options: bodyOptions,
      collectionId: await nameForFiles(request, folderKey),
    };
    return {
      write: await email.prepare(item, context),
      longId: printLongId(folderKey, item.uid),
      collectionId: await collectionIdOf(request, folderKey),
    };
  });
  request.summary.outFetch += results.length;
  return (writer) => {
    if (results.length === 0) {
      writer.empty(RESULT);
      return;
    }
    for (const { write, longId, collectionId } of results) {
      writer.start(RESULT).text(CLASS, "Email").text(LONG_ID, longId);
      if (collectionId !== undefined) writer.text(COLLECTION_ID, collectionId);
      writer.start(PROPERTIES);
      write(writer);
      writer.end().end();
    }
    writer.text(RANGE, `${range.start}-${range.start + hits.hits.length - 1}`).text(TOTAL, hits.total);
  };
}

async function searchPeople(request: EasRequest, store: Element, range: Range): Promise<WriteStore | number> {
  const query = store.textOf(QUERY) ?? "";
  if (query.trim() === "") return INVALID_REQUEST;
  const end = Math.min(range.end, range.start + MAX_RESULTS - 1);
  const { total, people } = await request.account.searchDirectory(query, end + 1);
  const shown = people.slice(range.start, end + 1);
  if (people.length > 0 && shown.length === 0) return END_OF_RANGE;
  const wish =
    request.version < 141
      ? undefined
      : readPhotoWish(store.child(OPTIONS)?.child(PICTURE), MAX_SIZE, MAX_PICTURES);
  const photos = await photosOf(request, shown, wish);
  return (writer) => {
    if (shown.length === 0) {
      writer.empty(RESULT);
      return;
    }
    for (const [index, person] of shown.entries()) {
      writer.start(RESULT).start(PROPERTIES);
      writePerson(writer, person, photos[index]);
      writer.end().end();
    }
    writer.text(RANGE, `${range.start}-${range.start + shown.length - 1}`).text(TOTAL, total);
  };
}

function statusAnswer(status: number): EasAnswer {
  return { kind: "wbxml", bytes: new WbxmlWriter().start(ROOT).text(STATUS, status).end().finish() };
}
