import { byteSize, duration, integer, integerIn, path } from "../../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../../config/option.ts";
import type { ExpiryDays } from "../operations.ts";
import type { MaintenancePolicy } from "./maintenance.ts";

/** Names in brackets are Cyrus's for the same thing. */
export const storeOptions = optionGroup("store", "How long mail is kept, and where.", {
  keep_expunged_days: option(
    integer,
    7,
    "Days for which expunged messages can be brought back, and clients asked what vanished (cyr_expire -X).",
  ),
  keep_deleted_days: option(
    integer,
    7,
    "Days for which deleted mailboxes can be brought back (cyr_expire -D).",
  ),
  keep_duplicates_days: option(
    integer,
    3,
    "Days for which a message that comes again is known to be a duplicate (cyr_expire -E).",
  ),
  keep_names_days: option(
    integer,
    30,
    "Days for which clients and replicas can ask which mailboxes were deleted.",
  ),
  archive_days: option(
    integer,
    0,
    "Age from which messages are moved to the archive, compressed; 0 = age does not matter (archive_days).",
  ),
  archive_max_size: option(
    byteSize,
    0,
    "Size from which messages are moved to the archive at once; 0 = size does not matter (archive_maxsize).",
  ),
  archive_folder: option(
    path,
    undefined,
    "Where the archive is kept, usually on another disk; without it below the data folder (archivepartition-).",
  ),
  compact_below: option(
    integerIn(0, 100),
    60,
    "Segment files of which less than so many percent is live mail are rewritten; 0 = none.",
  ),
  maintenance_interval: option(
    duration,
    "1h",
    "Time between two rounds of expiry, archiving and compaction.",
  ),
});
export type StoreOptionSettings = SettingsOf<typeof storeOptions>;

const COMPACT_FROM_BYTES = 2 ** 20;

export function expiryDays(settings: StoreOptionSettings): ExpiryDays {
  return {
    expungedDays: settings.keepExpungedDays,
    deletedDays: settings.keepDeletedDays,
    duplicateDays: settings.keepDuplicatesDays,
    tombstoneDays: settings.keepNamesDays,
  };
}

export function maintenancePolicy(settings: StoreOptionSettings): MaintenancePolicy {
  const { archiveDays, archiveMaxSizeBytes } = settings;
  return {
    intervalMs: settings.maintenanceIntervalMs,
    compactBelow: settings.compactBelow / 100,
    compactFromBytes: COMPACT_FROM_BYTES,
    archive:
      archiveDays === 0 && archiveMaxSizeBytes === 0
        ? undefined
        : {
            olderThanDays: archiveDays === 0 ? undefined : archiveDays,
            largerThanBytes: archiveMaxSizeBytes === 0 ? undefined : archiveMaxSizeBytes,
          },
  };
}
