import type { MailCollection } from "../account/port.ts";
import { classNamed } from "../commands/services.ts";
import { CollectionRecord, NO_BATCH } from "../cursor/collection-record.ts";
import { Cursor } from "../cursor/cursor.ts";
import { sinceOf } from "../cursor/filter-since.ts";
import { newKey, nextKey } from "../cursor/sync-key.ts";
import type { DeviceFolder } from "../folders/folder-record.ts";
import { type CollectionOutcome, type CollectionParts, refusedCollection } from "./collection-outcome.ts";
import { SyncStatus } from "./sync-tags.ts";

/** Key 0: a new cursor; items follow with the key that is given. */
export function startCollection(
  parts: CollectionParts,
  folder: DeviceFolder,
  collection: MailCollection,
  before: CollectionRecord | undefined,
): CollectionOutcome {
  const { asked, request, services, stored, address } = parts;
  const itemClass = classNamed(services, "Email");
  const filterType = asked.options?.filterType ?? 0;
  const head = {
    folderKey: folder.key,
    epoch: collection.epoch,
    itemClass: itemClass.name,
    currentKey:
      before === undefined ? newKey(services.random) : nextKey(before.head.currentKey, services.random),
    previousKey: "",
    filterType,
    conflict: asked.options?.conflict ?? 1,
    body: itemClass.readOptions(asked.options?.element, request.version),
    responses: [],
    quiet: undefined,
    excludedBy: undefined,
  };
  const cursor = Cursor.start(collection.highestModseq, sinceOf(filterType, services.clock.nowMs()));
  const value = new CollectionRecord(head, NO_BATCH, cursor).encode();
  return {
    ...refusedCollection(parts, SyncStatus.ok, head.currentKey),
    change: { ...address, expected: stored?.version ?? 0, value },
  };
}
