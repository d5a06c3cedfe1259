/**
 * Access control lists (RFC 4314) as Cyrus 3.6 keeps and prints them. Pure; whose rights these are is in `access.ts`.
 */
import type { Acl, AclEntry, MailboxName, UserId } from "./model.ts";
import { isInbox, userOf } from "./names.ts";

/** Bits of a set of rights. The virtual rights c and d are no bits: they come and go with k, x and t, e. */
export const Right = {
  /** l: visible to LIST, may be subscribed. */
  lookup: 1,
  /** r: SELECT, STATUS, FETCH, SEARCH, COPY from. */
  read: 1 << 1,
  /** s: \Seen is kept over sessions. */
  keepSeen: 1 << 2,
  /** w: flags other than \Seen and \Deleted. */
  write: 1 << 3,
  /** i: APPEND, COPY into. */
  insert: 1 << 4,
  /** p: mail to the plus address. */
  post: 1 << 5,
  /** k: CREATE below it, and RENAME to below it. */
  createMailbox: 1 << 6,
  /** x: DELETE, and RENAME away. */
  deleteMailbox: 1 << 7,
  /** t: \Deleted. */
  deleteMessage: 1 << 8,
  /** e: EXPUNGE. */
  expunge: 1 << 9,
  /** a: SETACL, GETACL. */
  administer: 1 << 10,
  /** n: shared message annotations (RFC 5257 §3.4). */
  annotate: 1 << 11,
} as const;

/** A set of `Right`, and of the ten rights "0" to "9" that Cyrus leaves to sites. */
export type Rights = number;

/** Letter of each bit, by position. */
const LETTERS = "lrswipkxtean0123456789";
const FIRST_USER_BIT = 12;
export const ALL_RIGHTS: Rights = (1 << FIRST_USER_BIT) - 1;

const CREATE_RIGHTS: Rights = Right.createMailbox | Right.deleteMailbox;
const DELETE_RIGHTS: Rights = Right.deleteMessage | Right.expunge;

/**
 * Undefined when a letter is no right: the command is BAD then (RFC 4314 §3.1).
 *
 * Alone, c means k and x, and d means t and e (RFC 4314 §2.1.1, Cyrus's `deleteright: c`). Beside one of its parts it
 * means nothing: printed rights have c and d for old clients, and "td" read back must not become t and e.
 */
export function parseRights(letters: string): Rights | undefined {
  let rights = 0;
  for (const letter of letters) {
    const bit = LETTERS.indexOf(letter);
    if (bit >= 0) rights |= 1 << bit;
    else if (letter !== "c" && letter !== "d") return undefined;
  }
  if (letters.includes("c") && (rights & CREATE_RIGHTS) === 0) rights |= CREATE_RIGHTS;
  if (letters.includes("d") && (rights & DELETE_RIGHTS) === 0) rights |= DELETE_RIGHTS;
  return rights;
}

/** In Cyrus's order, with c and d where any of their parts is there: "lrswipkxtecdan" is everything. */
export function printRights(rights: Rights): string {
  let out = "";
  for (let bit = 0; bit < LETTERS.length; bit += 1) {
    // c and d stand between e and a (RFC 4314 §2.1.1 wants them in every answer).
    if (1 << bit === Right.administer) {
      if ((rights & CREATE_RIGHTS) !== 0) out += "c";
      if ((rights & DELETE_RIGHTS) !== 0) out += "d";
    }
    if ((rights & (1 << bit)) !== 0) out += LETTERS[bit];
  }
  return out;
}

/** Rights of a stored entry; letters that a newer peer brought in count for nothing. */
export function rightsOf(entry: AclEntry): Rights {
  return parseRights(entry.rights) ?? parseRights(entry.rights.replaceAll(/[^lrswipkxteancd0-9]/g, "")) ?? 0;
}

/** The form the sync protocol, MUPDATE and the mailbox list have: `identifier TAB rights TAB` repeated. */
export function printAcl(acl: Acl): string {
  return acl.map((entry) => `${entry.identifier}\t${entry.rights}\t`).join("");
}

/** Reads `printAcl`'s form as Cyrus does: what is cut off at the end is left out. Letters are kept as they came. */
export function parseAcl(text: string): Acl {
  const parts = text.split("\t");
  const entries: AclEntry[] = [];
  for (let i = 0; i + 2 < parts.length; i += 2) {
    entries.push({ identifier: parts[i] ?? "", rights: parts[i + 1] ?? "" });
  }
  return entries;
}

/**
 * The identifier as it is stored: user ids and group names in lower case, `-` kept in front. Undefined when it can be
 * none: empty, or with characters that would break the stored form.
 */
export function canonicalIdentifier(identifier: string): string | undefined {
  const bare = identifier.startsWith("-") ? identifier.slice(1) : identifier;
  // RFC 4314 §3.1: controls are forbidden; a tab would end the entry.
  if (bare === "" || bare.startsWith("-") || /[\u0000-\u001f\u007f]/.test(bare)) return undefined;
  return identifier.toLowerCase();
}

/**
 * SETACL: `change` is letters that replace, or that are added with a leading "+", removed with "-" (RFC 4314 §3.1).
 * No rights left = no entry, as with DELETEACL. Undefined when a letter is no right.
 */
export function changeAcl(acl: Acl, identifier: string, change: string): Acl | undefined {
  const mode = change[0] === "+" || change[0] === "-" ? change[0] : "";
  const given = parseRights(change.slice(mode.length));
  if (given === undefined) return undefined;
  const at = acl.findIndex((entry) => entry.identifier === identifier);
  const old = acl[at];
  const before = old === undefined ? 0 : rightsOf(old);
  const after = mode === "" ? given : mode === "+" ? before | given : before & ~given;
  return replaceRights(acl, identifier, after);
}

/** Sets exactly these rights; an existing entry keeps its place, a new one goes to the end, an empty one goes away. */
export function replaceRights(acl: Acl, identifier: string, rights: Rights): Acl {
  if (rights === 0) return acl.filter((entry) => entry.identifier !== identifier);
  const changed: AclEntry = { identifier, rights: printRights(rights) };
  return acl.some((entry) => entry.identifier === identifier)
    ? acl.map((entry) => (entry.identifier === identifier ? changed : entry))
    : [...acl, changed];
}

/** What a new mailbox gets: the parent's ACL, everything for the owner of an INBOX, `defaultacl` for a shared top. */
export function initialAcl(name: MailboxName, parent: Acl | undefined): Acl {
  if (isInbox(name)) return ownerAcl(userOf(name));
  if (parent !== undefined) return parent;
  const owner = userOf(name);
  return owner === "" ? DEFAULT_ACL : ownerAcl(owner);
}

/** Cyrus `defaultacl`. */
export const DEFAULT_ACL: Acl = [{ identifier: "anyone", rights: "lrs" }];

function ownerAcl(owner: UserId): Acl {
  return [{ identifier: owner, rights: printRights(ALL_RIGHTS) }];
}
