/** Makes equal what belongs to nobody: shared mailboxes, in bounded groups, and the server's annotations. */
import type { Mailbox, UserId } from "../../store/model.ts";
import { sharedMailboxes } from "./groups.ts";
import type { SyncRun } from "./run.ts";
import { updateServerAnnotations } from "./update-meta.ts";
import { type FailedMailbox, updateSomeMailboxes } from "./update-user.ts";

/** Mailboxes of one command; more are sent in several. */
export const MAX_MAILBOXES = 200;

/**
 * `isWanted`: of whom server annotations are sent.
 * @throws ReplicaLost, ReplicaRefusal of an annotation; a refused mailbox does not stop the others and is told at the end
 */
export async function updateShared(
  run: SyncRun,
  isWanted: (user: UserId) => boolean,
): Promise<readonly FailedMailbox[]> {
  const failed: FailedMailbox[] = [];
  let group: Mailbox[] = [];
  const send = async (): Promise<void> => {
    if (group.length > 0) failed.push(...(await updateSomeMailboxes(run, group, [])));
    group = [];
  };
  for (const mailbox of sharedMailboxes(run.store)) {
    group.push(mailbox);
    if (group.length === MAX_MAILBOXES) await send();
  }
  await send();
  await updateServerAnnotations(run, isWanted);
  return failed;
}
