/**
 * Finding a conversation on an IMAP server by the id that a phone has of it (mail/conversation.ts). It is a thread id of the
 * server (RFC 8474), or a hash of what the conversation began with, which no server can be asked for: what it began with is
 * remembered when a message is shown, and else looked for in the headers of the newest messages. Each find is then compared
 * with the id, since SEARCH HEADER matches pieces of a field.
 */
import { Lru } from "../../../base/lru.ts";
import type { CommandPart } from "../../../imap/client-command.ts";
import { readFetched } from "../../../imap/client-fetch.ts";
import { summarize } from "../../../mime/summarize.ts";
import type { MessageSummary } from "../../../mime/summary.ts";
import {
  conversationId,
  conversationKey,
  type ConversationStart,
  conversationStart,
} from "../../mail/conversation.ts";
import type { Lent, UserConnections } from "./connections.ts";
import type { RemoteFolder } from "./folder-tree.ts";
import { pipeline } from "./pipeline.ts";
import { FRESH, select } from "./selecting.ts";
import { searchText, searchUids } from "./search-command.ts";
import { printUids } from "./uid-set.ts";

/** Headers that are looked at for a conversation that nobody remembers, of all folders together. */
const MAX_SCANNED = 20_000;
/** Of each folder at least, as long as the sum allows. */
const MIN_SCANNED_OF_FOLDER = 500;
/** Finds of one folder that are compared. */
const MAX_COMPARED = 5_000;
const HEADERS_A_COMMAND = 500;
/** Characters of a Message-ID that are searched for: the line stays below what servers take. */
const MAX_SEARCHED_CHARACTERS = 500;
/** A few bytes each; the bound is that of their texts. */
const MAX_REMEMBERED = 50_000;
const MAX_REMEMBERED_CHARACTERS = 4 * 1024 * 1024;
const HEADER_FIELDS = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID REFERENCES IN-REPLY-TO SUBJECT)]";

interface Beginning {
  readonly by: ConversationStart["by"] | "thread";
  readonly text: string;
}

/** By the key of the conversation, which tells nothing about whose it is: the same for all users. */
const remembered = new Lru<string, Beginning>({
  maxEntries: MAX_REMEMBERED,
  maxSize: MAX_REMEMBERED_CHARACTERS,
  sizeOf: ({ text }, key) => text.length + key.length,
});

/** Of a message that is shown; `told` is the thread id as the server writes it. */
export function rememberConversation(threadId: string, told: string, summary: MessageSummary): void {
  const key = conversationKey(conversationId(threadId, summary));
  if (key === undefined) return;
  remembered.set(key, threadId === "" ? conversationStart(summary) : { by: "thread", text: told });
}

export interface ConversationSearch {
  /** Capability that the server must have. */
  readonly needs: string | undefined;
  readonly keys: readonly CommandPart[];
  /** Those of the messages that belong to it. */
  readonly keep: (lent: Lent, uids: Uint32Array) => Promise<Uint32Array>;
}

/** Undefined = there is no such conversation, as far as it is looked for. */
export async function findConversation(
  connections: UserConnections,
  folders: readonly RemoteFolder[],
  key: string,
): Promise<ConversationSearch | undefined> {
  if (THREAD_KEY.test(key)) {
    const known = remembered.get(key)?.text ?? "";
    // Cyrus writes a letter before the digits.
    const keys = OBJECT_ID.test(known) ? ` THREADID ${known}` : ` OR THREADID T${key} THREADID ${key}`;
    return { needs: "OBJECTID", keys: [keys], keep: (_lent, uids) => Promise.resolve(uids) };
  }
  if (!HASH_KEY.test(key)) return undefined;
  const beginning = remembered.get(key) ?? (await scan(connections, folders, key));
  if (beginning === undefined) return undefined;
  return {
    needs: undefined,
    keys: keysOf(beginning),
    async keep(lent, uids) {
      const kept: number[] = [];
      const newest = uids.subarray(Math.max(0, uids.length - MAX_COMPARED));
      for (let at = 0; at < newest.length; at += HEADERS_A_COMMAND) {
        for (const [uid, summary] of await readHeaders(lent, newest.subarray(at, at + HEADERS_A_COMMAND))) {
          if (keyOf(summary) === key) kept.push(uid);
        }
      }
      return Uint32Array.from(kept).sort();
    },
  };
}
const THREAD_KEY = /^[0-9a-f]{16}$/;
const HASH_KEY = /^[0-9a-f]{32}$/;
/** RFC 8474 §7. */
const OBJECT_ID = /^[A-Za-z0-9_-]{1,255}$/;

function keyOf(summary: MessageSummary): string | undefined {
  return conversationKey(conversationId("", summary));
}

function keysOf({ by, text }: Beginning): CommandPart[] {
  // Without a Message-ID it is the subject, which servers compare in ways of their own: all such messages are looked at.
  if (by !== "message") return [' NOT HEADER MESSAGE-ID ""'];
  const id = searchText(text.slice(0, MAX_SEARCHED_CHARACTERS));
  return [" OR OR HEADER MESSAGE-ID ", id, " HEADER REFERENCES ", id, " HEADER IN-REPLY-TO ", id];
}

/** What the conversation began with, by a look at the newest messages of each folder. */
async function scan(
  connections: UserConnections,
  folders: readonly RemoteFolder[],
  key: string,
): Promise<Beginning | undefined> {
  const share = Math.max(MIN_SCANNED_OF_FOLDER, Math.floor(MAX_SCANNED / Math.max(1, folders.length)));
  let left = MAX_SCANNED;
  for (const folder of folders) {
    if (left <= 0) return undefined;
    const bound = Math.min(share, left);
    const found = await connections.use((lent) => scanFolder(lent, folder, key, bound), {
      prefer: folder.key,
    });
    if (found.beginning !== undefined) {
      remembered.set(key, found.beginning);
      return found.beginning;
    }
    left -= found.scanned;
  }
  return undefined;
}

async function scanFolder(
  lent: Lent,
  folder: RemoteFolder,
  key: string,
  bound: number,
): Promise<{ readonly scanned: number; readonly beginning: Beginning | undefined }> {
  await select(lent, folder, { generation: FRESH });
  const uids = await searchUids(lent, []);
  const first = Math.max(0, uids.length - bound);
  for (let end = uids.length; end > first; end -= HEADERS_A_COMMAND) {
    const newest = uids.subarray(Math.max(first, end - HEADERS_A_COMMAND), end);
    for (const summary of (await readHeaders(lent, newest)).values()) {
      if (keyOf(summary) === key) return { scanned: uids.length, beginning: conversationStart(summary) };
    }
  }
  return { scanned: uids.length - first, beginning: undefined };
}

async function readHeaders(lent: Lent, uids: Uint32Array): Promise<Map<number, MessageSummary>> {
  const answers = await pipeline(
    lent,
    [`UID FETCH ${printUids(uids)} (UID ${HEADER_FIELDS})`],
    "unavailable",
  );
  const summaries = new Map<number, MessageSummary>();
  for (const response of answers) {
    if (response.name !== "FETCH") continue;
    const { uid, header } = readFetched(response.arguments());
    if (header !== undefined) summaries.set(uid, summarize(header));
  }
  return summaries;
}
