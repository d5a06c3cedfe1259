/**
 * Messages with what is needed to show them: summaries of neighbours and the bytes of small messages are read together,
 * group by group, and the next group is read while the one before is used. Of large messages only what is asked for.
 */
import type { Uid } from "../../../base/numbers.ts";
import type { MessageSummary } from "../../../mime/summary.ts";
import { StoreError } from "../../../store/errors.ts";
import type { MailboxId } from "../../../store/model.ts";
import type { MailboxView, Store } from "../../../store/port.ts";
import type { FailedItem, ItemState, MailItem } from "../port.ts";

const GROUP_MESSAGES = 32;
/** Messages up to here are read whole with their neighbours. */
const SMALL_BYTES = 48 * 1024;

export interface ItemSource {
  readonly store: Store;
  readonly view: MailboxView;
  readonly stateAt: (index: number) => ItemState;
}

export async function* readItems(
  source: ItemSource,
  uids: readonly Uid[],
): AsyncGenerator<MailItem | FailedItem> {
  let next = startGroup(source, uids, 0);
  while (next !== undefined) {
    const { done, end } = next;
    next = startGroup(source, uids, end);
    yield* await done;
  }
}

interface Group {
  readonly done: Promise<(MailItem | FailedItem)[]>;
  readonly end: number;
}

function startGroup(source: ItemSource, uids: readonly Uid[], at: number): Group | undefined {
  if (at >= uids.length) return undefined;
  const end = Math.min(uids.length, at + GROUP_MESSAGES);
  const done = readGroup(source, uids.slice(at, end));
  // Its failure is thrown where it is awaited, also when the caller stops before.
  done.catch(() => {});
  return { done, end };
}

async function readGroup(source: ItemSource, uids: readonly Uid[]): Promise<(MailItem | FailedItem)[]> {
  const { store, view } = source;
  const { id } = view.mailbox;
  const live = uids.filter((uid) => view.indexOf(uid) >= 0);
  const ascending = live.toSorted((a, b) => a - b);
  const summaries = readSummaries(store, id, ascending);
  const states = new Map(live.map((uid) => [uid, describe(source, uid)]));
  const small = ascending.filter((uid) => states.get(uid)!.state.sizeBytes <= SMALL_BYTES);
  const bodies = await readBodies(store, id, small);
  const items: (MailItem | FailedItem)[] = [];
  for (const uid of live) {
    const { state, contentKey, threadId } = states.get(uid)!;
    const summary = summaries.get(uid);
    const body = bodies.get(uid);
    if (summary instanceof Error || summary === undefined) {
      items.push({ uid, failure: summary ?? new StoreError("message_not_found", "no summary is kept") });
    } else if (body instanceof Error) {
      // Expunged and swept meanwhile is no failure.
      const isGone = body instanceof StoreError && body.code === "message_not_found";
      if (!isGone) items.push({ uid, failure: body });
    } else {
      items.push({
        ...state,
        contentKey,
        threadId,
        summary,
        read: (start, end) =>
          body === undefined
            ? store.readBody(id, uid, { offset: start, length: Math.max(0, end - start) })
            : Promise.resolve(body.subarray(start, Math.max(start, end))),
      });
    }
  }
  return items;
}

function describe(
  { view, stateAt }: ItemSource,
  uid: Uid,
): { state: ItemState; contentKey: string; threadId: string } {
  const index = view.indexOf(uid);
  return { state: stateAt(index), contentKey: view.guid(index), threadId: view.threadId(index) };
}

function readSummaries(store: Store, id: MailboxId, uids: readonly Uid[]): Map<Uid, MessageSummary | Error> {
  const found = new Map<Uid, MessageSummary | Error>();
  try {
    for (const { uid, summary } of store.readSummaries(id, uids)) found.set(uid, summary);
    return found;
  } catch {
    // One by one: only the bad one fails.
    for (const uid of uids) found.set(uid, readSummary(store, id, uid));
    return found;
  }
}

function readSummary(store: Store, id: MailboxId, uid: Uid): MessageSummary | Error {
  try {
    for (const { summary } of store.readSummaries(id, [uid])) return summary;
    return new StoreError("message_not_found", "no summary is kept");
  } catch (error) {
    return asError(error);
  }
}

async function readBodies(
  store: Store,
  id: MailboxId,
  uids: readonly Uid[],
): Promise<Map<Uid, Buffer | Error>> {
  const found = new Map<Uid, Buffer | Error>();
  try {
    for await (const { uid, bytes } of store.readBodies(id, uids)) found.set(uid, bytes);
  } catch {
    // The bad one is found below.
  }
  for (const uid of uids) {
    if (found.has(uid)) continue;
    found.set(uid, await store.readBody(id, uid).catch(asError));
  }
  return found;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
