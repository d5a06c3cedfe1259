import type { AccountError } from "../account/port.ts";
import type { CollectionOutcome, CollectionParts } from "./collection-outcome.ts";
import { refusedCollection } from "./collection-outcome.ts";
import { SyncStatus } from "./sync-tags.ts";

/** A collection whose folder is gone, or whose account cannot be asked now. */
export function failedCollection(parts: CollectionParts, error: AccountError): CollectionOutcome {
  const status =
    error.code === "folder_missing"
      ? SyncStatus.hierarchyChanged
      : error.code === "unavailable"
        ? SyncStatus.retry
        : SyncStatus.serverError;
  return refusedCollection(parts, status, parts.asked.syncKey);
}
