/** Mailboxes as replication groups them: everything of a user together, shared trees by themselves. */
import type { Mailbox, QuotaRoot, UserId } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { domainOf, inboxOf, isInbox, userOf } from "../../store/names.ts";

/** Every mailbox of a user, DELETED ones too, parents before children. */
export function* mailboxesOfUser({ mailboxes }: Store, user: UserId): Generator<Mailbox> {
  yield* mailboxes.ofUser(user);
  yield* mailboxes.list(`${deletedInboxOf(user)}.`);
}

/** `DELETED.user.alice`: what the deleted mailboxes of a user are below. */
export function deletedInboxOf(user: UserId): string {
  const inbox = inboxOf(user);
  const domainEnd = domainOf(inbox) === "" ? 0 : inbox.indexOf("!") + 1;
  return `${inbox.slice(0, domainEnd)}DELETED.${inbox.slice(domainEnd)}`;
}

/** False for a name that neither is nor was a user's here. */
export function isKnownUser(store: Store, user: UserId): boolean {
  if (mailboxesOfUser(store, user).next().done !== true) return true;
  const inbox = inboxOf(user);
  for (const { name } of store.mailboxes.tombstones(inbox)) if (name === inbox) return true;
  return false;
}

/** Users who have an INBOX here, lazily. */
export function* usersOf({ mailboxes }: Store): Generator<UserId> {
  for (const { name } of mailboxes.list("")) if (isInbox(name)) yield userOf(name);
}

/** Mailboxes that belong to nobody. */
export function* sharedMailboxes({ mailboxes }: Store): Generator<Mailbox> {
  for (const mailbox of mailboxes.list("")) if (userOf(mailbox.name) === "") yield mailbox;
}

/** Quota roots of shared mailboxes. */
export function* sharedQuotas({ quotas }: Store): Generator<QuotaRoot> {
  for (const root of quotas.list("")) if (userOf(root.root) === "") yield root;
}

/** Cyrus's clients without #sieve mailboxes must not hear of them. */
export function isSendable({ type }: Mailbox, hasSieveMailbox: boolean): boolean {
  return type !== "sieve" || hasSieveMailbox;
}
