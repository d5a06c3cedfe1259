/** NOTIFY: RFC 5465. */
import { Right } from "../../store/acl.ts";
import { command } from "../command.ts";
import { isOfSelected, readEventGroups, type EventGroup } from "../notify/event-groups.ts";
import { coveredMailboxes, hasRights, WATCH_RIGHTS } from "../notify/mailbox-filter.ts";
import { tellNoAccess, tellStatus } from "../notify/tell.ts";
import { Watch } from "../notify/watch.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";

export const notify = command({
  name: "NOTIFY",
  state: "authenticated",
  /** notify = "NOTIFY" SP ("SET" [SP "STATUS"] SP event-groups / "NONE"). */
  parse(reader, session) {
    const form = reader.sp().keyword();
    if (form === "NONE") return { groups: [], status: false };
    if (form !== "SET") throw bad("Expected SET or NONE");
    reader.sp();
    const status = reader.peekKeyword() === "STATUS";
    if (status) reader.keyword();
    if (status) reader.sp();
    return { groups: readEventGroups(reader, session), status };
  },
  async run(session, { groups, status }) {
    // RFC 5465 §3.1: SET implies NOOP, by what was watched until now.
    if (groups.length > 0) {
      session.watch?.stop();
      session.watch = undefined;
      await session.tellUpdates({ expunges: true });
    }
    session.watch?.stop();
    const watch = new Watch(session, groups);
    session.watch = watch;
    await watch.start();
    await tellStart(session, groups, status);
  },
});

/** Where the watched mailboxes stand, and which of those named cannot be watched. */
async function tellStart(session: Session, groups: readonly EventGroup[], status: boolean): Promise<void> {
  const flagsOf = new Map<number, boolean>();
  const denied = new Set<number>();
  const { mailboxes } = session.services.store;
  for (const group of groups) {
    if (isOfSelected(group) || group.events.size === 0) continue;
    for (const mailbox of coveredMailboxes(session, group.filter)) {
      if (!hasRights(session, mailbox, Right.lookup)) continue;
      if (!hasRights(session, mailbox, WATCH_RIGHTS)) denied.add(mailbox.id);
      else if (group.events.has("MessageNew")) {
        flagsOf.set(mailbox.id, (flagsOf.get(mailbox.id) ?? false) || group.events.has("FlagChange"));
      }
    }
  }
  for (const id of denied) {
    const mailbox = mailboxes.byId(id);
    if (mailbox !== undefined) tellNoAccess(session, mailbox);
  }
  if (!status) return;
  for (const [id, flags] of flagsOf) {
    const mailbox = mailboxes.byId(id);
    if (mailbox === undefined || id === session.selectedOrUndefined?.id) continue;
    await tellStatus(session, mailbox, { flags, whole: true });
    await session.pause();
    if (session.ended) return;
  }
}
