/** Mailbox search of Search (MS-ASCMD §2.2.1.16) and Find (§2.2.1.3): what is asked, and the items found. */
import { toUid } from "../../base/numbers.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { MailHits, MailItem, MailQuery } from "../account/port.ts";
import type { EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { folderKeyOf } from "../folders/folder-key.ts";
import { conversationKey } from "../mail/conversation.ts";
import type { Range } from "./byte-range.ts";

const AND = tagOf("Search:And");
const FREE_TEXT = tagOf("Search:FreeText");
const GREATER_THAN = tagOf("Search:GreaterThan");
const LESS_THAN = tagOf("Search:LessThan");
const VALUE = tagOf("Search:Value");
const CONVERSATION_ID = tagOf("Search:ConversationId");
const DATE_RECEIVED = tagOf("Email:DateReceived");
const COLLECTION_ID = tagOf("AirSync:CollectionId");
const CLASS = tagOf("AirSync:Class");

/** Items in one answer. */
export const MAX_RESULTS = 100;
const MAX_QUERY_CHARACTERS = 1_000;
/** Only mail is searched by these commands here. */
const MAIL_CLASS = /^email$/i;

export type QueryRefusal = "invalid" | "too_complex" | "folder_unknown";

/** Of Search: conditions that all hold. */
export async function readSearchQuery(
  request: EasRequest,
  query: Element | undefined,
  withChildren: boolean,
  { start, end }: Range,
): Promise<MailQuery | QueryRefusal> {
  const and = query?.child(AND) ?? query;
  if (and === undefined || and.children.length === 0) return "invalid";
  const known = new Set([FREE_TEXT, GREATER_THAN, LESS_THAN, CONVERSATION_ID, COLLECTION_ID, CLASS]);
  if (and.children.some(({ tag }) => !known.has(tag))) return "too_complex";
  const className = and.textOf(CLASS);
  if (className !== undefined && !MAIL_CLASS.test(className)) return "too_complex";
  const folderKey = await folderOf(request, and.textOf(COLLECTION_ID));
  if (folderKey === null) return "folder_unknown";
  const conversationId = and.child(CONVERSATION_ID)?.content;
  const after = readTime(and.child(GREATER_THAN));
  const before = readTime(and.child(LESS_THAN));
  if (after === "bad" || before === "bad") return "invalid";
  const text = readKeywords(and.textOf(FREE_TEXT) ?? "");
  if (text === undefined) return "invalid";
  return {
    folderKey,
    withChildren,
    ...text,
    ...(after === undefined ? {} : { after }),
    ...(before === undefined ? {} : { before }),
    // One of another server is found nowhere.
    ...(conversationId === undefined ? {} : { conversation: conversationKey(conversationId) ?? "none" }),
    offset: start,
    limit: Math.min(MAX_RESULTS, end - start + 1),
  };
}

/** Undefined = all folders; null = one that is not there. "0" is the top. */
export async function folderOf(
  request: EasRequest,
  collectionId: string | undefined,
): Promise<string | undefined | null> {
  if (collectionId === undefined || collectionId === "" || collectionId === "0") return undefined;
  return (await folderKeyOf(request, collectionId)) ?? null;
}

/** Seconds. */
function readTime(condition: Element | undefined): number | undefined | "bad" {
  if (condition === undefined) return undefined;
  const text = condition.textOf(VALUE);
  if (condition.child(DATE_RECEIVED) === undefined || text === undefined) return "bad";
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? "bad" : Math.floor(ms / 1000);
}

/**
 * Words with the prefixes of the Keyword Query Language that devices offer: `from:ann subject:"annual report" budget`.
 * Undefined when the query is too long.
 */
export function readKeywords(
  text: string,
): Pick<MailQuery, "freeText" | "from" | "to" | "subject"> | undefined {
  if (text.length > MAX_QUERY_CHARACTERS) return undefined;
  const fields: { from?: string; to?: string; subject?: string } = {};
  const freeText = text.replace(
    /(?<![^\s(])(from|to|cc|participants|subject):\s*(?:"([^"]*)"|([^\s"]+))/gi,
    (whole, name: string, quoted: string | undefined, word: string | undefined) => {
      const value = quoted ?? word ?? "";
      const key = name.toLowerCase();
      if (key === "from" || key === "to" || key === "subject") fields[key] = value;
      // Everybody who took part stands in the header.
      else return `"${value}"`;
      return " ";
    },
  );
  const plain = freeText
    .replace(/(?<!\S)(?:AND|OR)(?!\S)|[()]/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return { freeText: plain, ...fields };
}

/** `use` for each hit, in their order; what vanished meanwhile, and what cannot be read, is left out. */
export async function useHits<Result>(
  { account, log }: EasRequest,
  { hits }: MailHits,
  use: (folderKey: string, item: MailItem) => Promise<Result | undefined>,
): Promise<readonly Result[]> {
  const results = new Map<string, Result>();
  for (const [folderKey, group] of Map.groupBy(hits, (hit) => hit.folderKey)) {
    const collection = await account.openMail(folderKey);
    try {
      for await (const item of collection.items(group.map(({ uid }) => toUid(uid)))) {
        if (item.failure !== undefined) {
          log.warn("found message left out", { folder: folderKey, uid: item.uid, err: item.failure });
          continue;
        }
        // Before the collection is released: its items read from it.
        const result = await use(folderKey, item);
        if (result !== undefined) results.set(`${folderKey} ${item.uid}`, result);
      }
    } finally {
      collection.release();
    }
  }
  return hits.flatMap(({ folderKey, uid }) => results.get(`${folderKey} ${uid}`) ?? []);
}
