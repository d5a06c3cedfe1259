/**
 * One collection of a Sync request, from its key to what is written about it: MS-ASCMD §2.2.1.21.
 *
 * With the last key the device's commands are done and the next changes planned; with the key before it, the same
 * operations on the same items are sent again under the key that was given then. Nothing is stored here: all collections
 * of a request are stored together when the answer is ready.
 */
import type { Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import type { ItemState, MailCollection } from "../account/port.ts";
import { classNamed } from "../commands/services.ts";
import { type Batch, CollectionRecord, NO_BATCH } from "../cursor/collection-record.ts";
import { sinceOf } from "../cursor/filter-since.ts";
import { isQuiet, isStale, Plan, planBatch } from "../cursor/plan.ts";
import { FIRST_KEY, nextKey } from "../cursor/sync-key.ts";
import type { DeviceFolder } from "../folders/folder-record.ts";
import { parseItemId, printItemId } from "../folders/server-id.ts";
import type { ItemClass, ItemContext } from "../item-class.ts";
import type { StateChange } from "../state/port.ts";
import { type CommandResponse, runCommands } from "./device-commands.ts";
import { type PreparedItems, prepareItems, type ReadyItem } from "./prepare-items.ts";
import { emptyQuarantine, quarantine } from "./quarantine.ts";
import {
  type CollectionOutcome,
  type CollectionParts,
  type FetchedItem,
  refusedCollection,
} from "./collection-outcome.ts";
import { startCollection } from "./start-collection.ts";
import type { CollectionRequest } from "./sync-request.ts";
import { SyncStatus } from "./sync-tags.ts";

const NOTHING: PreparedItems = { ready: [], bad: [], isCut: false, bytes: 0 };

export async function syncCollection(parts: CollectionParts): Promise<CollectionOutcome> {
  const { asked, folder, request, stored } = parts;
  const record = stored === undefined ? undefined : CollectionRecord.decode(stored.value);
  if (folder === undefined) return refusedCollection(parts, SyncStatus.hierarchyChanged, asked.syncKey);
  const isStart = asked.syncKey === FIRST_KEY;
  if (!isStart && (record === undefined || record.head.folderKey !== folder.key || !hasKey(record, asked))) {
    return refusedCollection(parts, SyncStatus.invalidKey, FIRST_KEY);
  }
  const collection = await request.account.openMail(folder.key);
  try {
    if (isStart || record === undefined) return startCollection(parts, folder, collection, record);
    if (record.head.epoch !== collection.epoch)
      return refusedCollection(parts, SyncStatus.invalidKey, FIRST_KEY);
    return await new OneSync(parts, folder, collection, record).run();
  } finally {
    collection.release();
  }
}

function hasKey({ head }: CollectionRecord, { syncKey }: CollectionRequest): boolean {
  return syncKey === head.currentKey || (syncKey === head.previousKey && syncKey !== "");
}

class OneSync {
  readonly #parts: CollectionParts;
  readonly #folder: DeviceFolder;
  readonly #collection: MailCollection;
  readonly #record: CollectionRecord;
  readonly #itemClass: ItemClass;
  readonly #context: ItemContext;
  readonly #filterType: number;
  readonly #conflict: number;
  readonly #since: number;
  /** The record must be written though the device may hear of nothing. */
  #dirty: boolean;

  constructor(
    parts: CollectionParts,
    folder: DeviceFolder,
    collection: MailCollection,
    record: CollectionRecord,
  ) {
    const { asked, request, services } = parts;
    const { head } = record;
    this.#parts = parts;
    this.#folder = folder;
    this.#collection = collection;
    this.#record = record;
    this.#itemClass = classNamed(services, head.itemClass);
    const { options } = asked;
    const body =
      options === undefined ? head.body : this.#itemClass.readOptions(options.element, request.version);
    this.#filterType = options?.filterType ?? head.filterType;
    this.#conflict = options?.conflict ?? head.conflict;
    this.#since = sinceOf(this.#filterType, services.clock.nowMs());
    this.#context = {
      version: request.version,
      account: request.account,
      options: body,
      collectionId: asked.collectionId,
      onceKey: `eas:${request.device.deviceId}:${asked.collectionId}:${asked.syncKey}`,
    };
    this.#dirty =
      this.#filterType !== head.filterType ||
      this.#conflict !== head.conflict ||
      JSON.stringify(body) !== JSON.stringify(head.body);
  }

  async run(): Promise<CollectionOutcome> {
    const { asked, doneBefore } = this.#parts;
    const { head } = this.#record;
    const isRepeated = asked.syncKey !== head.currentKey;
    if (!isRepeated) await this.#tryExcludedAgain();
    if (!isRepeated && this.#isQuietStill() && asked.commands.length === 0) {
      return this.#outcome(false, NO_BATCH, { changes: [], items: NOTHING, responses: [], fetched: [] });
    }
    const { cursor } = this.#record;
    if (isStale(cursor, this.#collection)) {
      return refusedCollection(this.#parts, SyncStatus.invalidKey, FIRST_KEY);
    }
    const given = isRepeated ? [...head.responses, ...doneBefore] : doneBefore;
    const { responses, fetches } = await runCommands(asked.commands, given, {
      collection: this.#collection,
      cursor,
      itemClass: this.#itemClass,
      context: this.#context,
      account: this.#parts.request.account,
      deletesAsMoves: asked.deletesAsMoves,
      conflict: this.#conflict,
      summary: this.#parts.request.summary,
    });
    const fetched = await this.#fetch(fetches);
    return isRepeated ? this.#repeat(responses, fetched) : this.#proceed(responses, fetched);
  }

  /** Another version of the program may be able to show what one before left out. */
  async #tryExcludedAgain(): Promise<void> {
    const { request, services } = this.#parts;
    const { excludedBy } = this.#record.head;
    if (excludedBy === undefined || excludedBy === services.programVersion) return;
    this.#record.cursor.readmit();
    this.#dirty = true;
    await emptyQuarantine(request, this.#folder.id);
  }

  #isQuietStill(): boolean {
    const { quiet } = this.#record.head;
    return !this.#dirty && quiet?.since === this.#since && quiet.modseq === this.#collection.highestModseq;
  }

  /** With the last key: what comes next. */
  async #proceed(
    responses: readonly CommandResponse[],
    fetched: readonly FetchedItem[],
  ): Promise<CollectionOutcome> {
    const { asked, window } = this.#parts;
    const { cursor } = this.#record;
    const plan = asked.getChanges
      ? await planBatch(cursor, this.#collection, { since: this.#since, window })
      : new Plan(0);
    this.#dirty ||= plan.moved;
    const items = await this.#prepare(plan.adds);
    for (const { item } of items.ready) cursor.sent(item);
    if (items.isCut) cursor.complete = false;
    const batch: Batch = {
      adds: items.ready.map(({ item }) => item.uid),
      changes: plan.changes.map(({ uid }) => uid),
      deletes: plan.deletes,
      softDeletes: plan.softDeletes,
      more: plan.more || items.isCut,
    };
    const commandsDone = asked.commands.length > fetched.length;
    const isNews = countOf(batch) > 0 || commandsDone;
    return this.#outcome(isNews, batch, { changes: plan.changes, items, responses, fetched });
  }

  /** With the key before: the same again, as far as it is still there. */
  async #repeat(
    responses: readonly CommandResponse[],
    fetched: readonly FetchedItem[],
  ): Promise<CollectionOutcome> {
    const { batch, cursor } = this.#record;
    const kept = batch.adds.filter((uid) => cursor.known.has(uid));
    const items = await this.#prepare(kept);
    const sent = new Set<number>(items.ready.map(({ item }) => item.uid));
    const states = await this.#collection.states(
      batch.changes.filter((uid) => cursor.known.has(uid)) as Uid[],
    );
    const changes = states.filter(({ systemFlags }) => (systemFlags & SystemFlag.deleted) === 0);
    for (const { uid } of changes) sent.add(uid);
    const gone = [...batch.adds, ...batch.changes].filter((uid) => !sent.has(uid));
    // What could not be sent for want of room is sent with the next key.
    const postponed = items.isCut ? gone.filter((uid) => kept.includes(uid)) : [];
    for (const uid of gone) {
      if (!cursor.known.has(uid)) continue;
      cursor.gone(uid);
      this.#dirty = true;
    }
    if (postponed.length > 0) cursor.complete = false;
    const again: Batch = {
      adds: items.ready.map(({ item }) => item.uid),
      changes: changes.map(({ uid }) => uid),
      deletes: [...batch.deletes, ...gone.filter((uid) => !postponed.includes(uid))],
      softDeletes: batch.softDeletes,
      more: batch.more || postponed.length > 0,
    };
    const { head } = this.#record;
    this.#dirty ||= responses.length > head.responses.length;
    return this.#outcome(true, again, { changes, items, responses, fetched }, true);
  }

  async #prepare(uids: readonly number[]): Promise<PreparedItems> {
    if (uids.length === 0) return NOTHING;
    const { unwritable, budgetBytes } = this.#parts;
    const items = await prepareItems(
      this.#collection,
      uids,
      withErrors(this.#itemClass, unwritable),
      this.#context,
      budgetBytes,
    );
    for (const { uid, receivedAt, error } of items.bad) {
      this.#record.cursor.exclude(uid);
      this.#dirty = true;
      const { id, key, name } = this.#folder;
      const bad = { collectionId: id, folderKey: key, folderName: name, uid, receivedAt, error };
      await quarantine(this.#parts.request, bad, this.#parts.services);
    }
    return items;
  }

  async #fetch(serverIds: readonly string[]): Promise<FetchedItem[]> {
    const uids = serverIds.map((text) => {
      const id = parseItemId(text);
      return id?.collectionId === this.#folder.id ? id.uid : 0;
    });
    const wanted = [...new Set(uids)].filter((uid) => uid > 0);
    if (wanted.length === 0) return serverIds.map((serverId) => ({ serverId, item: undefined }));
    const budget = this.#parts.budgetBytes;
    const items = await prepareItems(this.#collection, wanted, this.#itemClass, this.#context, budget);
    this.#parts.request.summary.outFetch += items.ready.length;
    const found = new Map<number, ReadyItem>(items.ready.map((ready) => [ready.item.uid, ready]));
    return serverIds.map((serverId, at) => ({ serverId, item: found.get(uids[at]!) }));
  }

  #outcome(
    isNews: boolean,
    batch: Batch,
    content: {
      readonly changes: readonly ItemState[];
      readonly items: PreparedItems;
      readonly responses: readonly CommandResponse[];
      readonly fetched: readonly FetchedItem[];
    },
    isRepeated = false,
  ): CollectionOutcome {
    const { request, services, asked } = this.#parts;
    const { head } = this.#record;
    const { changes, items, responses, fetched } = content;
    const isNewKey = isNews && !isRepeated;
    const currentKey = isNewKey ? nextKey(head.currentKey, services.random) : head.currentKey;
    const { summary } = request;
    summary.outChange += items.ready.length + changes.length;
    summary.outDelete += batch.deletes.length + batch.softDeletes.length;
    return {
      isNews: isNews || fetched.length > 0,
      answer: {
        collectionId: asked.collectionId,
        className: head.itemClass,
        syncKey: currentKey,
        status: SyncStatus.ok,
        responses,
        fetched,
        deletes: batch.deletes,
        softDeletes: batch.softDeletes,
        changes,
        adds: items.ready,
        more: batch.more,
        itemClass: this.#itemClass,
        context: this.#context,
      },
      change:
        isNewKey || this.#dirty
          ? this.#change(currentKey, batch, responses, isNewKey || isRepeated)
          : undefined,
      operations: countOf(batch),
      bytes: items.bytes,
    };
  }

  #change(
    currentKey: string,
    batch: Batch,
    responses: readonly CommandResponse[],
    hasBatch: boolean,
  ): StateChange {
    const { stored, address } = this.#parts;
    const { head, cursor } = this.#record;
    const { highestModseq } = this.#collection;
    const quiet = isQuiet(cursor, this.#collection, this.#since);
    const given = responses.map(({ command, id, digest, status, uid }) => ({
      command,
      id,
      digest,
      status,
      uid,
    }));
    const changed = this.#record.with(
      {
        currentKey,
        previousKey: currentKey === head.currentKey ? head.previousKey : head.currentKey,
        filterType: this.#filterType,
        conflict: this.#conflict,
        body: this.#context.options,
        responses: hasBatch ? given : head.responses,
        excludedBy: cursor.excluded.count > 0 ? this.#parts.services.programVersion : undefined,
        quiet: quiet ? { modseq: highestModseq, since: this.#since } : undefined,
      },
      hasBatch ? batch : this.#record.batch,
    );
    return { ...address, expected: stored?.version ?? 0, value: changed.encode() };
  }
}

/** Items that could not be written fail when they are prepared. */
function withErrors(
  itemClass: ItemClass,
  unwritable: ReadonlyMap<string, unknown>,
): Pick<ItemClass, "prepare"> {
  if (unwritable.size === 0) return itemClass;
  return {
    prepare(item, context) {
      const id = printItemId(context.collectionId, item.uid);
      return unwritable.has(id)
        ? Promise.reject(asError(unwritable.get(id)))
        : itemClass.prepare(item, context);
    },
  };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function countOf({ adds, changes, deletes, softDeletes }: Batch): number {
  return adds.length + changes.length + deletes.length + softDeletes.length;
}
