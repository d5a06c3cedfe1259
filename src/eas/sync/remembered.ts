/**
 * What the last Sync of a device asked for: an empty Sync asks for the same again, one with Partial for the same with some
 * collections changed (MS-ASCMD §2.2.3.130). FilterType and the like are kept with each collection.
 */
import type { StateAddress, StateChange, StateRecord } from "../state/port.ts";
import type { CollectionRequest, SyncRequest } from "./sync-request.ts";
import { SyncRefusal } from "./sync-request.ts";
import { SyncStatus } from "./sync-tags.ts";

interface Remembered {
  readonly collections: readonly Pick<
    CollectionRequest,
    "collectionId" | "syncKey" | "getChanges" | "windowSize" | "deletesAsMoves"
  >[];
  readonly windowSize: number | undefined;
  readonly waitMs: number | undefined;
}

export function rememberedAddress(userId: string, deviceId: string): StateAddress {
  return { userId, deviceId, kind: "parameters", key: "sync" };
}

/** The request with what it left out. @throws SyncRefusal 13 when nothing is remembered */
export function complete(given: SyncRequest | undefined, stored: StateRecord | undefined): SyncRequest {
  if (given !== undefined && !given.isPartial) return given;
  if (stored === undefined) {
    throw new SyncRefusal(SyncStatus.incomplete, "no request is remembered that this one could go on from");
  }
  const last = JSON.parse(stored.value.toString("utf8")) as Remembered;
  const named = new Set(given?.collections.map(({ collectionId }) => collectionId));
  const others = last.collections
    .filter(({ collectionId }) => !named.has(collectionId))
    .map((collection) => ({
      ...collection,
      windowSize: collection.windowSize,
      options: undefined,
      commands: [],
    }));
  return {
    collections: [...(given?.collections ?? []), ...others],
    windowSize: given?.windowSize ?? last.windowSize,
    waitMs: given?.waitMs ?? last.waitMs,
    isPartial: given?.isPartial ?? false,
  };
}

/** Undefined when it is remembered already: then nothing is written. */
export function rememberChange(
  address: StateAddress,
  request: SyncRequest,
  stored: StateRecord | undefined,
): StateChange | undefined {
  const { windowSize, waitMs } = request;
  const collections = request.collections.map(
    ({ collectionId, syncKey, getChanges, windowSize: window, deletesAsMoves }) => ({
      collectionId,
      syncKey,
      getChanges,
      windowSize: window,
      deletesAsMoves,
    }),
  );
  const remembered: Remembered = { collections, windowSize, waitMs };
  const value = Buffer.from(JSON.stringify(remembered));
  if (stored?.value.equals(value) === true) return undefined;
  return { ...address, expected: stored?.version ?? 0, value };
}
