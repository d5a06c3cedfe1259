/**
 * Messages of an IMAP server with what is needed to show them. Small ones are fetched together, a group ahead of the one
 * that is used; large ones alone. They come whole: where a part begins is only known from the message itself.
 */
import type { Uid } from "../../../base/numbers.ts";
import { Lru } from "../../../base/lru.ts";
import { type FetchedValues, readFetched } from "../../../imap/client-fetch.ts";
import { summarize } from "../../../mime/summarize.ts";
import type { FailedItem, MailItem } from "../port.ts";
import type { Lent } from "./connections.ts";
import { rememberConversation } from "./conversation.ts";
import { accepted } from "./failure.ts";
import { toState } from "./item-state.ts";
import { hasModseq } from "./selecting.ts";
import { pipeline } from "./pipeline.ts";
import { printUids } from "./uid-set.ts";

/** What the keys of caches begin with: UIDs, UIDVALIDITY and EMAILID of two users may be the same. */
export interface CacheScope {
  /** Without a slash; never with a NUL, which PostgreSQL does not take in a key. */
  readonly user: string;
  /** With its epoch. */
  readonly folder: string;
}

type On = <Result>(work: (lent: Lent) => Promise<Result>) => Promise<Result>;

const GROUP_MESSAGES = 25;
/** Whole messages that are in memory for one request, besides the one in use. */
const GROUP_BYTES = 4 * 1024 * 1024;
/** Larger ones are not fetched: the item fails, and says so. */
const MAX_MESSAGE_BYTES = 128 * 1024 * 1024;
/** Attachments are asked for one by one after the message was shown. */
const recent = new Lru<string, Buffer>({
  maxEntries: 500,
  maxSize: 32 * 1024 * 1024,
  sizeOf: (bytes) => bytes.length,
});

export async function* readItems(
  on: On,
  scope: CacheScope,
  uids: readonly Uid[],
): AsyncGenerator<MailItem | FailedItem> {
  const sizes = uids.length > 1 ? await on((lent) => fetchSizes(lent, uids)) : undefined;
  const groups = groupBySize(uids, sizes);
  let next = start(on, scope, groups, 0);
  for (let at = 0; next !== undefined; at += 1) {
    const current = next;
    next = start(on, scope, groups, at + 1);
    yield* await current;
  }
}

function start(
  on: On,
  scope: CacheScope,
  groups: readonly (readonly Uid[])[],
  at: number,
): Promise<(MailItem | FailedItem)[]> | undefined {
  const group = groups[at];
  if (group === undefined) return undefined;
  const reading = on((lent) => fetchItems(lent, scope, group));
  // Its failure is thrown where it is awaited, also when the caller stops before.
  reading.catch(() => undefined);
  return reading;
}

async function fetchSizes({ client }: Lent, uids: readonly Uid[]): Promise<Map<number, number>> {
  const result = await client.command(`UID FETCH ${printUids(uids)} (UID RFC822.SIZE)`);
  const sizes = new Map<number, number>();
  for (const response of accepted(result, "unavailable").untagged) {
    if (response.name !== "FETCH") continue;
    const { uid, sizeBytes } = readFetched(response.arguments());
    if (sizeBytes !== undefined) sizes.set(uid, sizeBytes);
  }
  return sizes;
}

function groupBySize(uids: readonly Uid[], sizes: ReadonlyMap<number, number> | undefined): Uid[][] {
  const groups: Uid[][] = [];
  let bytes = 0;
  for (const uid of uids) {
    const size = sizes?.get(uid) ?? (sizes === undefined ? 0 : -1);
    // Gone meanwhile.
    if (size < 0) continue;
    const group = groups.at(-1);
    if (group === undefined || group.length >= GROUP_MESSAGES || bytes + size > GROUP_BYTES) {
      groups.push([uid]);
      bytes = size;
    } else {
      group.push(uid);
      bytes += size;
    }
  }
  return groups;
}

async function fetchItems(
  lent: Lent,
  scope: CacheScope,
  uids: readonly Uid[],
): Promise<(MailItem | FailedItem)[]> {
  const { client, capabilities } = lent;
  const ids = capabilities.has("OBJECTID") ? " EMAILID THREADID" : "";
  const modseq = hasModseq(lent) ? " MODSEQ" : "";
  client.configure({ maxLiteralBytes: MAX_MESSAGE_BYTES });
  const missing = uids.filter((uid) => recent.get(keyIn(scope, uid)) === undefined);
  const set = printUids(uids);
  const found = new Map<number, Buffer>();
  const answers = await pipeline(
    lent,
    [
      `UID FETCH ${set} (UID FLAGS INTERNALDATE RFC822.SIZE${modseq}${ids})`,
      ...(missing.length === 0 ? [] : [`UID FETCH ${printUids(missing)} (UID BODY.PEEK[])`]),
    ],
    "unavailable",
  );
  const states = new Map<number, FetchedValues>();
  for (const response of answers) {
    if (response.name !== "FETCH") continue;
    const values = readFetched(response.arguments());
    if (values.flags !== undefined) states.set(values.uid, values);
    // A copy of its own: the response shares its memory with what else came in the same read.
    if (!Buffer.isBuffer(values.body)) continue;
    const bytes = Buffer.from(values.body);
    found.set(values.uid, bytes);
    recent.set(keyIn(scope, values.uid), bytes);
  }
  const items = new Map<number, MailItem | FailedItem>();
  for (const [uid, values] of states) {
    const bytes = found.get(uid) ?? recent.get(keyIn(scope, uid));
    items.set(uid, toItem(toState(values), bytes, values, scope));
  }
  return uids.flatMap((uid) => items.get(uid) ?? []);
}

function keyIn({ user, folder }: CacheScope, uid: number): string {
  return `${user}/${folder}/${uid}`;
}

function toItem(
  state: ReturnType<typeof toState>,
  bytes: Buffer | undefined,
  { emailId, threadId }: FetchedValues,
  scope: CacheScope,
): MailItem | FailedItem {
  if (bytes === undefined) {
    return { uid: state.uid, failure: new Error("the server does not give the message out") };
  }
  try {
    const summary = summarize(bytes);
    const thread = /^[0-9a-f]{16}$/i.test(threadId?.slice(-16) ?? "") ? (threadId ?? "").slice(-16) : "";
    rememberConversation(thread, threadId ?? "", summary);
    return {
      ...state,
      sizeBytes: bytes.length,
      contentKey: emailId === undefined ? keyIn(scope, state.uid) : `${scope.user}/${emailId}`,
      threadId: thread,
      summary,
      read: (start, end) => Promise.resolve(bytes.subarray(start, Math.max(start, end))),
    };
  } catch (error) {
    return { uid: state.uid, failure: error instanceof Error ? error : new Error(String(error)) };
  }
}
