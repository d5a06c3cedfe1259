/**
 * Who may do what with a mailbox (RFC 4314 §2 and §5), as Cyrus 3.6 decides it.
 *
 * Callers ask here before they call the store, which itself knows no identities.
 */
import { ALL_RIGHTS, changeAcl, printRights, replaceRights, Right, rightsOf } from "./acl.ts";
import type { Rights } from "./acl.ts";
import { StoreError } from "./errors.ts";
import type { Acl, Mailbox, MailboxName, UserId } from "./model.ts";
import { isDeletedName, userOf } from "./names.ts";

export interface Accessor {
  readonly userId: UserId;
  readonly isAdmin: boolean;
  readonly groups: readonly string[];
}

/** Cyrus `implicit_owner_rights` "lkxan": an owner cannot lock himself out. */
export const IMPLICIT_OWNER_RIGHTS: Rights =
  Right.lookup | Right.createMailbox | Right.deleteMailbox | Right.administer | Right.annotate;
/** Admins see every mailbox and can grant themselves the rest, so that reading others' mail leaves a trace. */
export const IMPLICIT_ADMIN_RIGHTS: Rights = Right.lookup | Right.administer;
/** What EXAMINE takes away (RFC 9051 §6.3.3). */
const WRITING_RIGHTS: Rights =
  Right.keepSeen | Right.write | Right.insert | Right.deleteMessage | Right.expunge | Right.annotate;

/** Rights granted by the ACL alone: all matching entries together, less all matching negative ones. */
export function grantedRights(acl: Acl, who: Accessor): Rights {
  let granted = 0;
  let denied = 0;
  for (const entry of acl) {
    const negative = entry.identifier.startsWith("-");
    if (!matches(negative ? entry.identifier.slice(1) : entry.identifier, who)) continue;
    if (negative) denied |= rightsOf(entry);
    else granted |= rightsOf(entry);
  }
  return granted & ~denied;
}

/** The rights MYRIGHTS shows: granted ones and the implicit ones of owners and admins, which nothing takes away. */
export function effectiveRights(mailbox: Pick<Mailbox, "name" | "acl">, who: Accessor): Rights {
  return grantedRights(mailbox.acl, who) | implicitRights(mailbox.name, who);
}

export function readOnlyRights(rights: Rights): Rights {
  return rights & ~WRITING_RIGHTS;
}

export function implicitRights(name: MailboxName, who: Pick<Accessor, "userId" | "isAdmin">): Rights {
  const asAdmin = who.isAdmin ? IMPLICIT_ADMIN_RIGHTS : 0;
  // What an owner deleted is the admin's to bring back.
  return isOwner(name, who.userId) && !isDeletedName(name) ? asAdmin | IMPLICIT_OWNER_RIGHTS : asAdmin;
}

export function isOwner(name: MailboxName, userId: UserId): boolean {
  return userId !== "" && userOf(name) === userId;
}

/** Is one of the identifiers of RFC 4314 §2 him? `group:` with a name in the directory's spelling, lower case. */
function matches(identifier: string, who: Accessor): boolean {
  if (identifier === "anyone" || identifier === who.userId) return true;
  return identifier.startsWith("group:") && who.groups.includes(identifier.slice("group:".length));
}

/**
 * @throws StoreError permission_denied, or mailbox_not_found when he may not even know that it exists (RFC 4314 §6).
 */
export function requireRights(mailbox: Pick<Mailbox, "name" | "acl">, who: Accessor, needed: Rights): Rights {
  const rights = effectiveRights(mailbox, who);
  if ((rights & needed) === needed) return rights;
  if ((rights & Right.lookup) === 0) {
    throw new StoreError("mailbox_not_found", `mailbox ${JSON.stringify(mailbox.name)} does not exist`);
  }
  const missing = printRights(needed & ~rights);
  throw new StoreError("permission_denied", `needs the right ${missing} on the mailbox`);
}

/**
 * The ACL after SETACL or DELETEACL (`change` "") by `who`, who needs the right a.
 * Undefined when `change` has letters that are no rights. `identifier` is canonical.
 *
 * @throws StoreError permission_denied when somebody else than an admin would lock the owner out
 */
export function setRights(
  mailbox: Pick<Mailbox, "name" | "acl">,
  who: Accessor,
  identifier: string,
  change: string,
): Acl | undefined {
  requireRights(mailbox, who, Right.administer);
  const acl = changeAcl(mailbox.acl, identifier, change);
  const owner = userOf(mailbox.name);
  if (acl === undefined || owner === "") return acl;
  if (identifier === `-${owner}`) {
    if (!who.isAdmin) throw new StoreError("permission_denied", "the owner's rights cannot be denied");
    return acl;
  }
  if (identifier !== owner) return acl;
  const entry = acl.find((candidate) => candidate.identifier === owner);
  const rights = entry === undefined ? 0 : rightsOf(entry);
  if (!who.isAdmin && (rights & Right.administer) === 0 && !isOwner(mailbox.name, who.userId)) {
    throw new StoreError("permission_denied", "the owner keeps the right a");
  }
  return replaceRights(acl, owner, rights | IMPLICIT_OWNER_RIGHTS);
}

/** LISTRIGHTS (RFC 4314 §3.7): what `identifier` always has, then each right that can be given on its own. */
export function listableRights(name: MailboxName, identifier: string): readonly string[] {
  const always = userOf(name) === identifier && identifier !== "" ? IMPLICIT_OWNER_RIGHTS : 0;
  const implicit = printRights(always);
  const letters = `${printRights(ALL_RIGHTS)}0123456789`;
  return [implicit, ...Array.from(letters).filter((letter) => !implicit.includes(letter))];
}
