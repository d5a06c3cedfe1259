/** Entries and attributes of message annotations: RFC 5257 §3.2, §3.3. */
import { compileListPattern } from "../../store/list-pattern.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";

/** Longer names are an attack. */
const MAX_NAME_CHARACTERS = 512;
/** Entries of one command. */
export const MAX_ENTRIES_ASKED = 64;

/** Whose value: the user's own, or everybody's. */
export type Scope = "priv" | "shared";

export interface Attribute {
  /** As on the wire: `value.priv`. */
  readonly name: string;
  readonly kind: "value" | "size";
  readonly scope: Scope;
}

/** `/comment`, `/1.2/comment`, `/vendor/…`. @throws ImapRefusal BAD */
export function readEntry(reader: Reader): string {
  const entry = reader.astring();
  if (!isEntry(entry) || /[*%]/.test(entry)) throw bad("Bad entry name");
  return entry;
}

function isEntry(entry: string): boolean {
  return entry.length <= MAX_NAME_CHARACTERS && /^(\/[^/\u0000-\u001f\u007f-\uffff]+)+$/.test(entry);
}

export interface EntryMatch {
  /** The name itself when it has no wildcard: told even when it has no value. */
  readonly exact: string | undefined;
  matches(entry: string): boolean;
}

/** A name, or a pattern as LIST has them. */
export function readEntryMatch(reader: Reader): EntryMatch {
  const text = reader.listMailbox();
  if (!isEntry(text) && text !== "*" && text !== "%") throw bad("Bad entry name");
  const pattern = compileListPattern(text, "/");
  return {
    exact: /[*%]/.test(text) ? undefined : text,
    matches: (entry) => pattern.matches(entry),
  };
}

/** `value` and `size` stand for both of theirs. */
export function readAttributes(reader: Reader): Attribute[] {
  const name = reader.astring().toLowerCase();
  const match = /^(value|size)(?:\.(priv|shared))?$/.exec(name);
  if (match === null) throw bad(`Unknown attribute "${name}"`);
  const kind = match[1] as Attribute["kind"];
  const scopes: Scope[] = match[2] === undefined ? ["priv", "shared"] : [match[2] as Scope];
  return scopes.map((scope) => ({ name: `${kind}.${scope}`, kind, scope }));
}

/** One, or a list in parentheses. */
export function readOneOrList<Item>(reader: Reader, item: (reader: Reader) => Item): Item[] {
  const items = reader.peekIs("(") ? reader.list(item) : [item(reader)];
  if (items.length === 0 || items.length > MAX_ENTRIES_ASKED) throw bad("Too many or no entries");
  return items;
}
