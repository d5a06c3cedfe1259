/** Finding messages on an IMAP server: SEARCH in each folder, newest first over all of them. */
import type { CommandPart } from "../../../imap/client-command.ts";
import type { Uid } from "../../../base/numbers.ts";
import { readFetched } from "../../../imap/client-fetch.ts";
import { printDateTime } from "../../../imap/codec/date.ts";
import type { MailHits, MailQuery } from "../port.ts";
import type { UserConnections } from "./connections.ts";
import { type ConversationSearch, findConversation } from "./conversation.ts";
import { accepted } from "./failure.ts";
import type { RemoteFolder, RemoteTree } from "./folder-tree.ts";
import { toState } from "./item-state.ts";
import { searchText, searchUids } from "./search-command.ts";
import { FRESH, select } from "./selecting.ts";
import { printUids } from "./uid-set.ts";

const MAX_WORDS = 20;
/** Hits of one folder that can be looked at; a phone pages through 100 at most. */
const MAX_DATED = 1_000;

interface Hit {
  readonly folderKey: string;
  readonly uid: Uid;
  readonly date: number;
}

export async function searchFolders(
  connections: UserConnections,
  tree: RemoteTree,
  query: MailQuery,
): Promise<MailHits> {
  const folders = foldersOf(tree, query);
  const conversation =
    query.conversation === undefined
      ? EVERYTHING
      : await findConversation(connections, folders, query.conversation);
  if (conversation === undefined) return { total: 0, hits: [] };
  const keys = [...conversation.keys, ...keysOf(query)];
  const wanted = Math.min(query.offset + query.limit, MAX_DATED);
  const hits: Hit[] = [];
  let total = 0;
  for (const folder of folders) {
    const found = await searchFolder(connections, folder, { ...conversation, keys }, wanted);
    total += found.total;
    hits.push(...found.hits);
  }
  hits.sort((a, b) => b.date - a.date || b.uid - a.uid);
  return {
    total,
    hits: hits
      .slice(query.offset, query.offset + query.limit)
      .map(({ folderKey, uid }) => ({ folderKey, uid })),
  };
}

function foldersOf({ folders }: RemoteTree, query: MailQuery): RemoteFolder[] {
  const { folderKey, withChildren, conversation } = query;
  const selectable = folders.filter((folder) => folder.selectable);
  if (folderKey === undefined) {
    // A conversation is whole wherever its messages are.
    return selectable.filter(({ use }) => conversation !== undefined || (use !== "junk" && use !== "trash"));
  }
  const inside = new Set([folderKey]);
  // Parents come before children.
  if (withChildren) {
    for (const { key, parentKey } of folders)
      if (parentKey !== undefined && inside.has(parentKey)) inside.add(key);
  }
  return selectable.filter(({ key }) => inside.has(key));
}

async function searchFolder(
  connections: UserConnections,
  folder: RemoteFolder,
  { needs, keys, keep }: ConversationSearch,
  wanted: number,
): Promise<{ readonly total: number; readonly hits: readonly Hit[] }> {
  return await connections.use(
    async (lent) => {
      if (needs !== undefined && !lent.capabilities.has(needs)) return { total: 0, hits: [] };
      await select(lent, folder, { generation: FRESH });
      const uids = await keep(lent, await searchUids(lent, keys));
      // UIDs ascend as messages come, so the newest are the last.
      const newest = uids.subarray(Math.max(0, uids.length - wanted));
      if (newest.length === 0) return { total: 0, hits: [] };
      const dates = await lent.client.command(`UID FETCH ${printUids(newest)} (UID INTERNALDATE)`);
      const hits = accepted(dates, "unavailable")
        .untagged.filter(({ name }) => name === "FETCH")
        .map((response) => toState(readFetched(response.arguments())))
        .map(({ uid, internalDate }) => ({ folderKey: folder.key, uid, date: internalDate }));
      return { total: uids.length, hits };
    },
    { prefer: folder.key },
  );
}

/** RFC 9051 §6.4.4. */
function keysOf(query: MailQuery): CommandPart[] {
  const parts: CommandPart[] = [];
  const add = (key: string, value: string): void => {
    if (value !== "") parts.push(` ${key} `, searchText(value));
  };
  for (const word of query.freeText.split(/\s+/).slice(0, MAX_WORDS)) add("TEXT", word);
  add("FROM", query.from ?? "");
  add("TO", query.to ?? "");
  add("SUBJECT", query.subject ?? "");
  const day = (seconds: number): string => printDateTime(Math.max(0, seconds)).slice(0, 11).trim();
  if (query.after !== undefined) parts.push(` SINCE ${day(query.after)}`);
  if (query.before !== undefined) parts.push(` BEFORE ${day(query.before + 86_400)}`);
  return parts;
}

/** Words and dates decide alone. */
const EVERYTHING: ConversationSearch = {
  needs: undefined,
  keys: [],
  keep: (_lent, uids) => Promise.resolve(uids),
};
