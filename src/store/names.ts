/**
 * Internal mailbox names as Cyrus has them: `user.alice.Sent`, `example.org!user.bob`, `shared.news`,
 * `DELETED.user.alice.Sent.5F3A0B11`. Segments are modified UTF-7 with '.' between them; a dot inside a segment is '^'.
 *
 * Pure and without configuration: what depends on the viewer or on options is in `namespace.ts`.
 */
import { StoreError } from "./errors.ts";
import { decodeMutf7 } from "./mutf7.ts";
import type { MailboxName, UserId } from "./model.ts";

/** Cyrus MAX_MAILBOX_NAME: bytes of an internal name with its domain. */
export const MAX_NAME_LENGTH = 490;

const USER_PREFIX = "user.";
const DELETED_PREFIX = "DELETED.";
/** What Cyrus allows besides modified UTF-7 shifts; '!' only after a domain. */
const GOOD_CHARACTERS = /^[ #$'()*+,\-.0-9:=?@A-Z[\]^_a-z~&!]*$/;
const GOOD_DOMAIN = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;

/** Where the part after `domain!` starts: 0 without a domain. */
function pathStart(name: MailboxName): number {
  return name.indexOf("!") + 1;
}

/** The owner, also of a deleted mailbox; "" = shared tree. Asked in every commit, so it allocates little. */
export function userOf(name: MailboxName): UserId {
  const domainEnd = name.indexOf("!");
  let start = domainEnd + 1;
  if (name.startsWith(DELETED_PREFIX, start)) start += DELETED_PREFIX.length;
  if (!name.startsWith(USER_PREFIX, start)) return "";
  start += USER_PREFIX.length;
  const dot = name.indexOf(".", start);
  const local = segmentToText(name.slice(start, dot < 0 ? name.length : dot));
  return domainEnd < 0 || local === "" ? local : `${local}@${name.slice(0, domainEnd)}`;
}

/** `alice` → `user.alice`; `j.doe@example.org` → `example.org!user.j^doe`. */
export function inboxOf(user: UserId): MailboxName {
  const at = user.lastIndexOf("@");
  const local = textToSegment(at < 0 ? user : user.slice(0, at));
  return at < 0 ? USER_PREFIX + local : `${user.slice(at + 1)}!${USER_PREFIX}${local}`;
}

export function isInbox(name: MailboxName): boolean {
  const start = pathStart(name);
  return name.startsWith(USER_PREFIX, start) && name.indexOf(".", start + USER_PREFIX.length) < 0;
}

/** "" = default domain. */
export function domainOf(name: MailboxName): string {
  const domainEnd = name.indexOf("!");
  return domainEnd < 0 ? "" : name.slice(0, domainEnd);
}

/** '^' stands for a dot inside a segment, so that '.' is free as the separator (Cyrus DOTCHAR). */
export function segmentToText(segment: string): string {
  return segment.includes("^") ? segment.replaceAll("^", ".") : segment;
}

export function textToSegment(text: string): string {
  return text.includes(".") ? text.replaceAll(".", "^") : text;
}

/** The mailbox above; undefined for an INBOX, the top of a shared tree and deleted mailboxes. */
export function parentOf(name: MailboxName): MailboxName | undefined {
  const start = pathStart(name);
  if (name.startsWith(DELETED_PREFIX, start) || isInbox(name)) return undefined;
  const dot = name.lastIndexOf(".");
  return dot > start ? name.slice(0, dot) : undefined;
}

export function isBelow(name: MailboxName, ancestor: MailboxName): boolean {
  return name.length > ancestor.length && name[ancestor.length] === "." && name.startsWith(ancestor);
}

export function isDeletedName(name: MailboxName): boolean {
  return name.startsWith(DELETED_PREFIX, pathStart(name));
}

/** Name of a mailbox after delayed delete. The caller counts `atSeconds` up while the name is taken. */
export function toDeletedName(name: MailboxName, atSeconds: number): MailboxName {
  const start = pathStart(name);
  return `${name.slice(0, start)}${DELETED_PREFIX}${name.slice(start)}.${atSeconds.toString(16).toUpperCase()}`;
}

/** The name it had and when it was deleted; undefined when it is not of the deleted hierarchy. */
export function fromDeletedName(
  name: MailboxName,
): { name: MailboxName; deletedAtSeconds: number } | undefined {
  const start = pathStart(name);
  const dot = name.lastIndexOf(".");
  const originalStart = start + DELETED_PREFIX.length;
  if (!name.startsWith(DELETED_PREFIX, start) || dot <= originalStart) return undefined;
  const stamp = name.slice(dot + 1);
  if (!/^[0-9A-Fa-f]{1,12}$/.test(stamp)) return undefined;
  return {
    name: name.slice(0, start) + name.slice(originalStart, dot),
    deletedAtSeconds: Number.parseInt(stamp, 16),
  };
}

/**
 * Key under which names sort as in Cyrus's mailbox list: the separator below every other character, so that
 * `user.a`, `user.a.x`, `user.a-b` follow each other and a subtree is one range. Compares as bytes (SQLite BINARY).
 */
export function sortKey(name: MailboxName): string {
  return name.replaceAll(".", "\x1f");
}

export function nameOfSortKey(key: string): MailboxName {
  return key.replaceAll("\x1f", ".");
}

/** Sort keys of everything below `name`, without it: from (inclusive), to (exclusive). */
export function childKeyRange(name: MailboxName): { from: string; to: string } {
  const key = sortKey(name);
  return { from: `${key}\x1f`, to: `${key}\x20` };
}

export function compareNames(a: MailboxName, b: MailboxName): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left !== right) return (left === 0x2e ? 0x1f : left) - (right === 0x2e ? 0x1f : right);
  }
  return a.length - b.length;
}

/** Why Cyrus would refuse to create the name; undefined = it is good. Deleted names were good before. */
export function nameFault(name: MailboxName): string | undefined {
  if (isDeletedName(name)) return undefined;
  if (name.length > MAX_NAME_LENGTH) return `longer than ${MAX_NAME_LENGTH} bytes`;
  const domainEnd = name.indexOf("!");
  const path = name.slice(domainEnd + 1);
  if (domainEnd >= 0 && !GOOD_DOMAIN.test(name.slice(0, domainEnd))) return "bad domain";
  if (path === "") return "empty";
  // Cyrus keeps its own keys under '$' at the very top of the mailbox list.
  if (name.startsWith("$")) return "starts with '$'";
  if (path.startsWith("~")) return "starts with '~'";
  if (path.startsWith(".") || path.endsWith(".") || path.includes("..")) return "empty hierarchy level";
  if (path === "user") return "'user' is the top of all users";
  // Identifiers of RFC 4314 that are no users.
  if (path === "user.anyone" || path === "user.anonymous") return "no user may have this name";
  if (!GOOD_CHARACTERS.test(path)) return "bad character";
  if (decodeMutf7(path) === undefined) return "bad modified UTF-7";
  return undefined;
}

/**
 * For names that people make; what is there already, or comes from a master or a backup, stays reachable.
 * Clients that keep mail in folders (mbsync, offlineimap) refuse a whole account for one level `..`.
 * @throws StoreError mailbox_name_invalid
 */
export function checkNewName(name: MailboxName): void {
  checkName(name);
  const levels = name.slice(pathStart(name)).split(".");
  if (levels.includes("^") || levels.includes("^^")) {
    throw new StoreError(
      "mailbox_name_invalid",
      `mailbox name ${JSON.stringify(name)}: '.' and '..' are no hierarchy levels`,
    );
  }
}

/** @throws StoreError mailbox_name_invalid */
export function checkName(name: MailboxName): void {
  const fault = nameFault(name);
  if (fault !== undefined) {
    throw new StoreError("mailbox_name_invalid", `mailbox name ${JSON.stringify(name)}: ${fault}`);
  }
}
