/** Names of METADATA entries: RFC 5464 §3.2. */
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";

/** Longer names are an attack. */
const MAX_NAME_CHARACTERS = 512;
/** Entries of one command. */
export const MAX_ENTRIES_ASKED = 256;

export interface EntryName {
  readonly scope: "private" | "shared";
  /** As the store has it: `/comment`; "" = everything of the scope. */
  readonly name: string;
}

/**
 * `/private/comment`, `/shared/vendor/…`; case does not count (§3.2).
 * @throws ImapRefusal BAD for wildcards, controls, empty components, other scopes
 */
export function readEntryName(reader: Reader): EntryName {
  const text = reader.astring().toLowerCase();
  const match = /^\/(private|shared)((?:\/[^/*%\u0000-\u001f\u007f-\uffff]+)*)$/.exec(text);
  if (match === null || text.length > MAX_NAME_CHARACTERS) throw bad("Bad entry name");
  return { scope: match[1] as EntryName["scope"], name: match[2] ?? "" };
}

/** entries = entry / "(" entry *(SP entry) ")". */
export function readEntryNames(reader: Reader): EntryName[] {
  const names = reader.peekIs("(") ? reader.list(readEntryName) : [readEntryName(reader)];
  if (names.length === 0 || names.length > MAX_ENTRIES_ASKED) throw bad("Too many or no entries");
  return names;
}

export function printEntryName({ scope, name }: EntryName): string {
  return `/${scope}${name}`;
}

/** Kept by the server for itself: no client reads or writes them. */
export function isHidden(name: string): boolean {
  return name === "/vendor/rookery" || name.startsWith("/vendor/rookery/");
}
