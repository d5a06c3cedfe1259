/** Find: MS-ASCMD §2.2.1.3, 16.1. Search with fewer elements: summaries of mails, people of the address list. */
import { SystemFlag } from "../../store/model.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError, type MailItem } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { collectionIdOf } from "../folders/folder-key.ts";
import { printItemId } from "../folders/server-id.ts";
import { email, email2 } from "../mail/email-tags.ts";
import { layOut } from "../mail/layout.ts";
import { displayNames, printAddresses, readMailHeader } from "../mail/mail-header.ts";
import { MessageSource } from "../mail/message-source.ts";
import { readParts } from "../mail/part.ts";
import { printDate } from "../mail/print-date.ts";
import { EasRefusal } from "../status.ts";
import { LAST_RESULT, parseRange, type Range } from "./byte-range.ts";
import { photosOf, readPhotoWish, writePerson } from "./people-properties.ts";
import { folderOf, MAX_RESULTS, useHits, readKeywords } from "./search-mail.ts";

const ROOT = tagOf("Find:Find");
const STATUS = tagOf("Find:Status");
const SEARCH_ID = tagOf("Find:SearchId");
const EXECUTE = tagOf("Find:ExecuteSearch");
const MAILBOX = tagOf("Find:MailBoxSearchCriterion");
const GAL = tagOf("Find:GalSearchCriterion");
const QUERY = tagOf("Find:Query");
const FREE_TEXT = tagOf("Find:FreeText");
const OPTIONS = tagOf("Find:Options");
const RANGE = tagOf("Find:Range");
const DEEP_TRAVERSAL = tagOf("Find:DeepTraversal");
const RESPONSE = tagOf("Find:Response");
const RESULT = tagOf("Find:Result");
const PROPERTIES = tagOf("Find:Properties");
const PREVIEW = tagOf("Find:Preview");
const HAS_ATTACHMENTS = tagOf("Find:HasAttachments");
const TOTAL = tagOf("Find:Total");
const DISPLAY_CC = tagOf("Find:DisplayCc");
const DISPLAY_BCC = tagOf("Find:DisplayBcc");
const PICTURE = tagOf("Find:Picture");
const MAX_SIZE = tagOf("Find:MaxSize");
const MAX_PICTURES = tagOf("Find:MaxPictures");
const STORE = tagOf("ItemOperations:Store");
const CLASS = tagOf("AirSync:Class");
const SERVER_ID = tagOf("AirSync:ServerId");
const COLLECTION_ID = tagOf("AirSync:CollectionId");

/** MS-ASCMD §2.2.3.177.5. */
const OK = 1;
const INVALID_REQUEST = 2;
const NEED_FOLDER_SYNC = 3;
const END_OF_RANGE = 4;
const SERVER_ERROR = 110;

const FIRST_HUNDRED: Range = { start: 0, end: MAX_RESULTS - 1 };

type WriteResults = (writer: WbxmlWriter) => void;

export function find(): Command {
  return {
    name: "Find",
    async run(request): Promise<EasAnswer> {
      if (request.version < 161) throw new EasRefusal("command_not_supported", "Find came with 16.1");
      const execute = request.root?.child(EXECUTE);
      const criterion = execute?.child(MAILBOX) ?? execute?.child(GAL);
      if (
        request.root?.tag !== ROOT ||
        request.root.child(SEARCH_ID) === undefined ||
        criterion === undefined
      ) {
        return onlyStatus(INVALID_REQUEST);
      }
      const isMail = criterion.tag === MAILBOX;
      const found = await run(request, criterion, isMail);
      const writer = new WbxmlWriter().start(ROOT).text(STATUS, OK).start(RESPONSE);
      writer.text(STORE, isMail ? "Mailbox" : "GAL").text(STATUS, typeof found === "number" ? found : OK);
      if (typeof found !== "number") found(writer);
      return { kind: "wbxml", bytes: writer.end().end().finish() };
    },
  };
}

async function run(request: EasRequest, criterion: Element, isMail: boolean): Promise<WriteResults | number> {
  const options = criterion.child(OPTIONS);
  const asked = parseRange(options?.textOf(RANGE), FIRST_HUNDRED);
  if (asked === "bad") return INVALID_REQUEST;
  if (asked.start > LAST_RESULT) return END_OF_RANGE;
  const range = { start: asked.start, end: Math.min(asked.end, LAST_RESULT) };
  try {
    return isMail ? await findMail(request, criterion, range) : await findPeople(request, criterion, range);
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    request.log.warn("find failed", { err: error });
    return SERVER_ERROR;
  }
}

async function findMail(
  request: EasRequest,
  criterion: Element,
  range: Range,
): Promise<WriteResults | number> {
  const query = criterion.child(QUERY);
  const words = readKeywords(query?.textOf(FREE_TEXT) ?? "");
  const className = query?.textOf(CLASS);
  if (
    query === undefined ||
    words === undefined ||
    (className !== undefined && !/^email$/i.test(className))
  ) {
    return INVALID_REQUEST;
  }
  const folderKey = await folderOf(request, query.textOf(COLLECTION_ID));
  if (folderKey === null) return NEED_FOLDER_SYNC;
  const hits = await request.account.searchMail({
    folderKey,
    withChildren: criterion.child(OPTIONS)?.flagOf(DEEP_TRAVERSAL, false) ?? false,
    ...words,
    offset: range.start,
    limit: Math.min(MAX_RESULTS, range.end - range.start + 1),
  });
  if (hits.total > 0 && range.start >= hits.total) return END_OF_RANGE;
  const results = await useHits(request, hits, async (key, item) => {
    // What the device does not know as a folder it cannot open by ServerId.
    const collectionId = await collectionIdOf(request, key);
    return collectionId === undefined ? undefined : { collectionId, item, write: await summaryOf(item) };
  });
  request.summary.outFetch += results.length;
  return (writer) => {
    if (results.length === 0) return;
    for (const { collectionId, item, write } of results) {
      writer
        .start(RESULT)
        .text(CLASS, "Email")
        .text(SERVER_ID, printItemId(collectionId, item.uid))
        .text(COLLECTION_ID, collectionId)
        .start(PROPERTIES);
      write(writer);
      writer.end().end();
    }
    writer.text(RANGE, `${range.start}-${range.start + hits.hits.length - 1}`).text(TOTAL, hits.total);
  };
}

/** What a list of results shows: MS-ASCMD §2.2.3.140.2. */
async function summaryOf(item: MailItem): Promise<WriteResults> {
  const source = new MessageSource(item);
  const header = readMailHeader(await source.read(0, source.root.bodyStart));
  const { attachments } = layOut(await readParts(source));
  return (writer) => {
    writer
      .text(email.subject, header.subject)
      .text(email.dateReceived, printDate(item.internalDate * 1000))
      .text(email.displayTo, displayNames(header.to));
    if (header.cc.length > 0) writer.text(DISPLAY_CC, displayNames(header.cc));
    if (header.bcc.length > 0) writer.text(DISPLAY_BCC, displayNames(header.bcc));
    writer
      .text(email.importance, header.importance)
      .text(email.read, item.systemFlags & SystemFlag.seen ? 1 : 0)
      .text(email2.isDraft, item.systemFlags & SystemFlag.draft ? 1 : 0)
      .text(PREVIEW, item.summary.preview)
      .text(HAS_ATTACHMENTS, attachments.some(({ inline }) => !inline) ? 1 : 0)
      .text(email.from, printAddresses(header.from));
  };
}

async function findPeople(
  request: EasRequest,
  criterion: Element,
  range: Range,
): Promise<WriteResults | number> {
  const query = criterion.textOf(QUERY) ?? "";
  if (query.trim() === "") return INVALID_REQUEST;
  const end = Math.min(range.end, range.start + MAX_RESULTS - 1);
  const { total, people } = await request.account.searchDirectory(query, end + 1);
  const shown = people.slice(range.start, end + 1);
  if (people.length > 0 && shown.length === 0) return END_OF_RANGE;
  const picture = criterion.child(OPTIONS)?.child(PICTURE);
  const photos = await photosOf(request, shown, readPhotoWish(picture, MAX_SIZE, MAX_PICTURES));
  return (writer) => {
    for (const [index, person] of shown.entries()) {
      writer.start(RESULT).start(PROPERTIES);
      writePerson(writer, person, photos[index]);
      writer.end().end();
    }
    if (shown.length === 0) return;
    writer.text(RANGE, `${range.start}-${range.start + shown.length - 1}`).text(TOTAL, total);
  };
}

function onlyStatus(status: number): EasAnswer {
  return { kind: "wbxml", bytes: new WbxmlWriter().start(ROOT).text(STATUS, status).end().finish() };
}
