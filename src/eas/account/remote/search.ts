/** Finding messages on an IMAP server: SEARCH in each folder, newest first over all of them. */
import type { CommandPart } from "../../../imap/client-command.ts";
import type { Uid } from "../../../base/numbers.ts";
import { readFetched } from "../../../imap/client-fetch.ts";
import { printDateTime } from "../../../imap/codec/date.ts";
import type { MailHits, MailQuery } from "../port.ts";
import type { UserConnections } from "./connections.ts";
import { accepted } from "./failure.ts";
import type { RemoteFolder, RemoteTree } from "./folder-tree.ts";
import { toState } from "./item-state.ts";
import { FRESH, select } from "./selecting.ts";
import { printUids, readSearches } from "./uid-set.ts";

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
  // Conversations are known by what the gateway makes of threads; a server cannot be asked for them.
  if (query.conversation !== undefined) return { total: 0, hits: [] };
  const criteria = criteriaOf(query);
  const wanted = Math.min(query.offset + query.limit, MAX_DATED);
  const hits: Hit[] = [];
  let total = 0;
  for (const folder of foldersOf(tree, query)) {
    const found = await searchFolder(connections, folder, criteria, wanted);
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

function foldersOf({ folders }: RemoteTree, { folderKey, withChildren }: MailQuery): RemoteFolder[] {
  const selectable = folders.filter((folder) => folder.selectable);
  if (folderKey === undefined) return selectable.filter(({ use }) => use !== "junk" && use !== "trash");
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
  criteria: readonly CommandPart[],
  wanted: number,
): Promise<{ readonly total: number; readonly hits: readonly Hit[] }> {
  return await connections.use(
    async (lent) => {
      await select(lent, folder, { generation: FRESH });
      const isExtended = lent.capabilities.has("ESEARCH") || lent.capabilities.has("IMAP4REV2");
      const result = await lent.client.command([
        `UID SEARCH ${isExtended ? "RETURN (ALL) " : ""}`,
        ...criteria,
      ]);
      const uids = readSearches(accepted(result, "unavailable").untagged)[0] ?? new Uint32Array(0);
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

/** RFC 9051 §6.4.4; text beside ASCII goes as UTF-8 literals. */
function criteriaOf(query: MailQuery): CommandPart[] {
  const parts: CommandPart[] = [];
  let ascii = true;
  const add = (key: string, value: string): void => {
    if (value === "") return;
    const simple = /^[\x20-\x7e]*$/.test(value);
    ascii &&= simple;
    parts.push(` ${key} `, simple ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : Buffer.from(value, "utf8"));
  };
  for (const word of query.freeText.split(/\s+/).slice(0, MAX_WORDS)) add("TEXT", word);
  add("FROM", query.from ?? "");
  add("TO", query.to ?? "");
  add("SUBJECT", query.subject ?? "");
  const day = (seconds: number): string => printDateTime(Math.max(0, seconds)).slice(0, 11).trim();
  if (query.after !== undefined) parts.push(` SINCE ${day(query.after)}`);
  if (query.before !== undefined) parts.push(` BEFORE ${day(query.before + 86_400)}`);
  return [ascii ? "UNDELETED" : "CHARSET UTF-8 UNDELETED", ...parts];
}
