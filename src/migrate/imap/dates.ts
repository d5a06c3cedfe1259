/** INTERNALDATE as servers write it; some break the grammar (RFC 9051 §9 date-time). */
import { readDateTime } from "../../imap/codec/date.ts";
import { Reader } from "../../imap/codec/reader.ts";

/** Neighbours in a folder often share the second. */
let lastText = "";
let lastSeconds = 0;

/** Seconds since 1970; 0 for what is no date. */
export function dateSeconds(text: string | undefined): number {
  if (text === undefined || text === "") return 0;
  if (text === lastText) return lastSeconds;
  let seconds = 0;
  try {
    seconds = readDateTime(new Reader({ text: Buffer.from(`"${text}"`, "latin1"), literals: [] }));
  } catch {
    const loose = Date.parse(text);
    seconds = Number.isNaN(loose) ? 0 : Math.floor(loose / 1000);
  }
  // Records keep unsigned 32 bits.
  lastSeconds = Math.min(0xffff_ffff, Math.max(0, seconds));
  lastText = text;
  return lastSeconds;
}
