/** Makes equal what belongs to nobody: shared mailboxes, in bounded groups, their quotas, the server's annotations. */
import type { Mailbox, UserId } from "../../store/model.ts";
import { sharedMailboxes, sharedQuotas } from "./groups.ts";
import { quotaText } from "./replica.ts";
import type { SyncRun } from "./run.ts";
import { updateServerAnnotations } from "./update-meta.ts";
import { type FailedMailbox, updateSomeMailboxes } from "./update-user.ts";

/** Mailboxes of one command; more are sent in several. */
export const MAX_MAILBOXES = 200;

/**
 * `isWanted`: of whom server annotations are sent.
 * @throws ReplicaLost, ReplicaRefusal of a quota or an annotation; a refused mailbox does not stop the others and is told at the end
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
  for (const root of sharedQuotas(run.store)) {
    if ((await run.replica.getQuota(root.root)) === quotaText(root)) continue;
    run.step(`SETQUOTA ${root.root}`);
    await run.replica.quota(root);
  }
  await updateServerAnnotations(run, isWanted);
  return failed;
}
