/** Special uses of mailboxes: RFC 6154 §2, RFC 8457. */
import { isOwner } from "../../store/access.ts";
import { StoreError } from "../../store/errors.ts";
import type { Mailbox, SpecialUse } from "../../store/model.ts";
import { userOf } from "../../store/names.ts";
import { no } from "../refusal.ts";
import type { Session } from "../session.ts";

/** \All and \Flagged would be virtual mailboxes, which there are none of. */
const KNOWN: ReadonlySet<SpecialUse> = new Set(["archive", "drafts", "important", "junk", "sent", "trash"]);

/** `\Sent` → `sent`. @throws ImapRefusal USEATTR for one that is not supported: RFC 6154 §6 */
export function readSpecialUses(flags: readonly string[]): SpecialUse[] {
  const uses = new Set(flags.map((flag) => flag.replace(/^\\/, "").toLowerCase()));
  for (const use of uses) if (!KNOWN.has(use)) throw no(`Special use "${use}" is not supported`, "USEATTR");
  return [...uses];
}

/** The store keeps each use to one mailbox of a user: RFC 6154 §3 has a code for that. */
export function useTaken(error: unknown): unknown {
  return error instanceof StoreError && error.code === "special_use_taken"
    ? no("Another mailbox has this special use", "USEATTR")
    : error;
}

/** RFC 6154 spells them with a capital. */
export function printedUse(use: SpecialUse): string {
  return use.charAt(0).toUpperCase() + use.slice(1);
}

/** What another user keeps his sent mail in means nothing to this one (RFC 6154 §2: the attributes are per user). */
export function usesShownTo(session: Session, mailbox: Mailbox): readonly SpecialUse[] {
  return isOwner(mailbox.name, session.user) || userOf(mailbox.name) === "" ? mailbox.specialUse : [];
}
