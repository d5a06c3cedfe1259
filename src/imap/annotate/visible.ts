import type { Uid } from "../../base/numbers.ts";
import type { MailboxId, MessageAnnotation } from "../../store/model.ts";
import type { Session } from "../session.ts";

/** Shared annotations of a message and the user's own. */
export function visibleAnnotations(session: Session, id: MailboxId, uid: number): MessageAnnotation[] {
  return session.services.store.annotations
    .ofMessage(id, uid as Uid)
    .filter(({ userId }) => userId === "" || userId === session.user);
}
