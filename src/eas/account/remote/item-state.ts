/** A message's state as FETCH tells it. */
import type { Uid } from "../../../base/numbers.ts";
import { messageFlags, type readFetched } from "../../../imap/client-fetch.ts";
import { parseDateTime } from "../../../mime/date.ts";
import type { ItemState } from "../port.ts";

export function toState(values: ReturnType<typeof readFetched>): ItemState {
  const flags = values.flags ?? messageFlags([]);
  return {
    uid: values.uid as Uid,
    modseq: values.modseq ?? 0,
    systemFlags: flags.system,
    keywords: flags.keywords,
    internalDate: internalDateOf(values.internalDateText ?? ""),
    sizeBytes: values.sizeBytes ?? 0,
  };
}

function internalDateOf(text: string): number {
  return parseDateTime(text.trim().padStart(26))?.seconds ?? 0;
}
