/** Finding mail: words by the text index, dates and conversations by the columns of the mailboxes. Newest first. */
import { toUid, type Uid } from "../../../base/numbers.ts";
import type { TextQuery, TextSearch } from "../../../index/port.ts";
import type { Mailbox, MailboxId } from "../../../store/model.ts";
import { isBelow } from "../../../store/names.ts";
import type { Store } from "../../../store/port.ts";
import { conversationId } from "../../mail/conversation.ts";
import type { MailHits, MailQuery } from "../port.ts";
import { localFolders } from "./folder-tree.ts";
import type { LocalServices, LocalUser } from "./services.ts";

/** Words of a query; further ones are left out. */
const MAX_WORDS = 10;
/** Hits that are sorted; a person looks at the first hundred. */
const MAX_HITS = 100_000;

const THREAD_ID_DIGITS = 16;
/** Reading so many takes a few milliseconds. */
const SUMMARIES_AT_ONCE = 200;

interface Hit {
  readonly folderKey: string;
  readonly uid: Uid;
  readonly date: number;
}

export async function searchMail(
  services: LocalServices,
  user: LocalUser,
  index: TextSearch,
  query: MailQuery,
): Promise<MailHits> {
  const queries = textQueries(query);
  const hits: Hit[] = [];
  for (const mailbox of searched(services, user, query)) {
    if (hits.length >= MAX_HITS) break;
    hits.push(...(await searchMailbox(services, index, mailbox, query, queries)));
  }
  hits.sort((a, b) => b.date - a.date || b.uid - a.uid);
  return {
    total: hits.length,
    hits: hits
      .slice(query.offset, query.offset + query.limit)
      .map(({ folderKey, uid }) => ({ folderKey, uid })),
  };
}

function searched(services: LocalServices, user: LocalUser, query: MailQuery): Mailbox[] {
  const { mailboxes } = services.store;
  const all = localFolders(services, user).flatMap(({ key }) => mailboxes.byUniqueId(key) ?? []);
  if (query.folderKey === undefined) return all.filter(({ exists }) => exists > 0);
  const top = mailboxes.byUniqueId(query.folderKey);
  return all.filter(
    ({ name, exists }) =>
      exists > 0 &&
      top !== undefined &&
      (name === top.name || (query.withChildren && isBelow(name, top.name))),
  );
}

async function searchMailbox(
  { store }: LocalServices,
  index: TextSearch,
  mailbox: Mailbox,
  { after, before, conversation }: MailQuery,
  queries: readonly TextQuery[],
): Promise<readonly Hit[]> {
  const view = await store.open(mailbox.id);
  try {
    let uids: Uid[] = [];
    const isHash = conversation !== undefined && conversation.length > THREAD_ID_DIGITS;
    const threadId = isHash ? "" : conversation;
    for (let at = 0; at < view.count; at++) {
      const date = view.internalDates[at]!;
      if (after !== undefined && date < after) continue;
      if (before !== undefined && date >= before) continue;
      if (conversation !== undefined && view.threadId(at) !== threadId) continue;
      uids.push(toUid(view.uids[at]!));
    }
    if (isHash) uids = await inConversation(store, mailbox.id, uids, conversation);
    for (const query of queries) {
      if (uids.length === 0) break;
      const found = await index.search(mailbox.id, uids, query);
      uids = uids.filter((uid) => found.has(uid));
    }
    // The index took its time: what is gone by now has no date.
    return uids.flatMap((uid) => {
      const at = view.indexOf(uid);
      return at < 0 ? [] : { folderKey: mailbox.uniqueId, uid, date: view.internalDates[at]! };
    });
  } finally {
    view.release();
  }
}

/** Of messages without a thread id, by what their headers tell. */
async function inConversation(
  store: Store,
  id: MailboxId,
  uids: readonly Uid[],
  conversation: string,
): Promise<Uid[]> {
  const found: Uid[] = [];
  for (let at = 0; at < uids.length; at += SUMMARIES_AT_ONCE) {
    for (const { uid, summary } of store.readSummaries(id, uids.slice(at, at + SUMMARIES_AT_ONCE))) {
      if (conversationId("", summary).toString("hex") === conversation) found.push(uid);
    }
    // Others have their turn.
    await new Promise((resolve) => setImmediate(resolve));
  }
  return found;
}

/** Every word has to be found; words in quotes together. */
function textQueries({ freeText, from, to, subject }: MailQuery): TextQuery[] {
  const queries: TextQuery[] = [];
  for (const [, quoted, word] of freeText.matchAll(/"([^"]+)"|([^\s"]+)/g)) {
    queries.push({ kind: "text", value: (quoted ?? word ?? "").replace(/\*$/, "") });
  }
  const fields = { from, to, subject };
  for (const [field, value] of Object.entries(fields)) {
    if (value !== undefined && value !== "") queries.push({ kind: "header", field, value });
  }
  return queries.filter(({ value }) => value !== "").slice(0, MAX_WORDS);
}
