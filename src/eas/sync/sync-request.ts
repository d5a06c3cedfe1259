/** A Sync request as values: MS-ASCMD §2.2.1.21. What it leaves out comes from the request before (`remembered.ts`). */
import type { Element } from "../element.ts";
import { isMailFilter } from "../cursor/filter-since.ts";
import { FIRST_KEY } from "../cursor/sync-key.ts";
import { syncTags as tags, SyncStatus } from "./sync-tags.ts";

/** MS-ASCMD §3.1.5.12 lets the server choose; a phone with more folders than this asks in pieces. */
export const MAX_COLLECTIONS = 300;
/** Commands of a device in one collection. */
const MAX_COMMANDS = 2_000;
const MAX_KEY_CHARACTERS = 64;
/** MS-ASCMD §2.2.3.199.2: 0 and everything above count as this. */
const MAX_WINDOW = 512;
const MAX_WAIT_MINUTES = 59;

export interface SyncRequest {
  readonly collections: readonly CollectionRequest[];
  /** Of all collections together; undefined = no bound of the whole. */
  readonly windowSize: number | undefined;
  /** How long the request may be held. */
  readonly waitMs: number | undefined;
  readonly isPartial: boolean;
}

export interface CollectionRequest {
  readonly collectionId: string;
  readonly syncKey: string;
  readonly getChanges: boolean;
  readonly windowSize: number | undefined;
  readonly deletesAsMoves: boolean;
  /** undefined = as before. */
  readonly options: CollectionOptions | undefined;
  readonly commands: readonly Element[];
}

export interface CollectionOptions {
  readonly filterType: number;
  readonly conflict: number;
  /** For the class of the items. */
  readonly element: Element;
}

/** The whole request gets this status. */
export class SyncRefusal extends Error {
  override name = "SyncRefusal";
  readonly status: number;
  readonly limit: number | undefined;
  constructor(status: number, message: string, limit?: number) {
    super(message);
    this.status = status;
    this.limit = limit;
  }
}

export interface WaitBounds {
  readonly minHeartbeatMs: number;
  readonly maxHeartbeatMs: number;
}

/** @throws SyncRefusal */
export function readSyncRequest(root: Element, bounds: WaitBounds): SyncRequest {
  if (root.tag !== tags.sync) throw new SyncRefusal(SyncStatus.protocolError, "the root is not Sync");
  const collections = root.child(tags.collections)?.all(tags.collection) ?? [];
  if (collections.length > MAX_COLLECTIONS) {
    throw new SyncRefusal(SyncStatus.tooManyCollections, "too many collections", MAX_COLLECTIONS);
  }
  const read = collections.map(readCollection);
  const ids = new Set(read.map(({ collectionId }) => collectionId));
  if (ids.size !== read.length) {
    throw new SyncRefusal(SyncStatus.protocolError, "a collection stands in the request twice");
  }
  return {
    collections: read,
    windowSize: readWindow(root),
    waitMs: readWait(root, bounds),
    isPartial: root.flagOf(tags.partial, false),
  };
}

function readCollection(element: Element): CollectionRequest {
  const collectionId = element.textOf(tags.collectionId);
  const syncKey = element.textOf(tags.syncKey);
  if (collectionId === undefined || syncKey === undefined || syncKey.length > MAX_KEY_CHARACTERS) {
    throw new SyncRefusal(SyncStatus.protocolError, "SyncKey or CollectionId is missing");
  }
  const commands = element.child(tags.commands)?.children ?? [];
  if (commands.length > MAX_COMMANDS) throw new SyncRefusal(SyncStatus.protocolError, "too many commands");
  for (const command of commands) checkCommand(command);
  return {
    collectionId,
    syncKey,
    // Some devices ask for changes with key 0: there are none to get yet.
    getChanges: syncKey !== FIRST_KEY && element.flagOf(tags.getChanges, true),
    windowSize: readWindow(element),
    deletesAsMoves: element.flagOf(tags.deletesAsMoves, true),
    options: readOptions(element),
    commands,
  };
}

/** MS-ASCMD §2.2.3.11: an Add or Change without ApplicationData is a protocol error. */
function checkCommand(command: Element): void {
  const needsData = command.tag === tags.add || command.tag === tags.change;
  const name = command.tag === tags.add ? tags.clientId : tags.serverId;
  if (command.child(name) === undefined || (needsData && command.child(tags.applicationData) === undefined)) {
    throw new SyncRefusal(SyncStatus.protocolError, `${command.name} is incomplete`);
  }
}

/** The options of mail: a second Options element may be about text messages (MS-ASCMD §2.2.3.125.5). */
function readOptions(collection: Element): CollectionOptions | undefined {
  const all = collection.all(tags.options);
  const element = all.find((options) => (options.textOf(tags.class) ?? "Email") === "Email") ?? all[0];
  if (element === undefined) return undefined;
  const filterType = element.numberOf(tags.filterType) ?? 0;
  const conflict = element.numberOf(tags.conflict) ?? 1;
  if (!isMailFilter(filterType) || (conflict !== 0 && conflict !== 1)) {
    throw new SyncRefusal(SyncStatus.protocolError, "FilterType or Conflict is out of range");
  }
  return { filterType, conflict, element };
}

function readWindow(element: Element): number | undefined {
  const size = element.numberOf(tags.windowSize);
  if (size === undefined) return undefined;
  return size <= 0 || size > MAX_WINDOW ? MAX_WINDOW : size;
}

function readWait(root: Element, { minHeartbeatMs, maxHeartbeatMs }: WaitBounds): number | undefined {
  const minutes = root.numberOf(tags.wait);
  const seconds = root.numberOf(tags.heartbeat);
  if (minutes !== undefined && seconds !== undefined) {
    throw new SyncRefusal(SyncStatus.protocolError, "Wait and HeartbeatInterval exclude each other");
  }
  if (minutes !== undefined) {
    const max = Math.min(MAX_WAIT_MINUTES, Math.floor(maxHeartbeatMs / 60_000));
    if (minutes < 0 || minutes > max) throw new SyncRefusal(SyncStatus.badWait, "Wait is out of range", max);
    return minutes === 0 ? undefined : minutes * 60_000;
  }
  if (seconds === undefined || seconds === 0) return undefined;
  const ms = seconds * 1000;
  if (ms < minHeartbeatMs || ms > maxHeartbeatMs) {
    const nearest = ms < minHeartbeatMs ? minHeartbeatMs : maxHeartbeatMs;
    throw new SyncRefusal(
      SyncStatus.badWait,
      "HeartbeatInterval is out of range",
      Math.floor(nearest / 1000),
    );
  }
  return ms;
}
