/** The mailboxes a LIST has to look at, in slices: a walk over the store never keeps others waiting. */
import { isOwner } from "../../store/access.ts";
import type { ListPattern } from "../../store/list-pattern.ts";
import type { Mailbox } from "../../store/model.ts";
import { isDeletedName } from "../../store/names.ts";
import type { Session } from "../session.ts";
import { isVisible, type Shown } from "../visible.ts";

/** A session looks at so many mailboxes before it asks the clock. */
const CHECK_EVERY = 64;

/** Calls `visit` for each visible one: the user's own first, then the others where a pattern can match their names. */
export async function visitReachable(
  session: Session,
  patterns: readonly ListPattern[],
  shown: Shown,
  visit: (mailbox: Mailbox) => void,
): Promise<void> {
  const { mailboxes } = session.services.store;
  const { isAdmin, userId } = session.accessor;
  const visitVisible = (mailbox: Mailbox): void => {
    if (isVisible(session, mailbox, shown)) visit(mailbox);
  };
  await inSlices(session, mailboxes.ofUser(userId), visitVisible);
  if (!isAdmin && !patterns.some((pattern) => mayMatchOthers(session, pattern))) return;
  // An administrator sees everything, so only the whole list will do.
  const others = isAdmin ? mailboxes.list("") : candidates(session);
  await inSlices(session, others, (mailbox) => {
    if (!isOwner(mailbox.name, userId) || isDeletedName(mailbox.name)) visitVisible(mailbox);
  });
}

/** Rights are looked at afterwards: this only leaves out what names the user nowhere. */
function candidates(session: Session): Iterable<Mailbox> {
  const { userId, groups } = session.accessor;
  const identifiers = [userId, "anyone", ...groups.map((group) => `group:${group}`)];
  return session.services.store.mailboxes.sharedWith(identifiers);
}

function mayMatchOthers(session: Session, { literalPrefix }: ListPattern): boolean {
  const { otherUsers, shared } = session.namespace.prefixes();
  return [otherUsers, shared].some(
    (prefix) => prefix.startsWith(literalPrefix) || literalPrefix.startsWith(prefix),
  );
}

async function inSlices(
  session: Session,
  mailboxes: Iterable<Mailbox>,
  visit: (mailbox: Mailbox) => void,
): Promise<void> {
  let looked = 0;
  for (const mailbox of mailboxes) {
    visit(mailbox);
    if (++looked % CHECK_EVERY !== 0) continue;
    const pause = session.pause();
    if (pause !== undefined) await pause;
    if (session.ended) return;
  }
}
