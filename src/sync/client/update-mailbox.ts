/** Makes one mailbox of the replica equal: a delta first, a full comparison when the checksums do not agree. */
import type { MailboxId } from "../../store/model.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import { mergeMailbox } from "./merge-mailbox.ts";
import { ReplicaRefusal } from "./refusal.ts";
import type { SyncRun } from "./run.ts";
import { differences } from "./same-mailbox.ts";
import { isConflict, sendMailbox } from "./send-mailbox.ts";

/** Full comparisons of one mailbox in one run; each ends a conflict unless both sides change meanwhile. */
const MAX_MERGES = 3;

/** False when there was nothing to send. @throws ReplicaRefusal, ReplicaLost, StoreError */
export async function updateMailbox(
  run: SyncRun,
  id: MailboxId,
  remote: SyncMailbox | undefined,
  elsewhere: readonly string[],
): Promise<boolean> {
  const own = run.store.mailboxes.byId(id);
  if (own === undefined) return false;
  if (remote !== undefined && isSame(run, id, remote)) return false;
  try {
    await sendMailbox(run, id, remote, { since: true, complete: false, elsewhere });
    return true;
  } catch (error) {
    if (!isConflict(error) && !isUnexplained(error)) throw error;
    run.log.info("mailbox is compared again", { mailbox: own.name, err: (error as Error).message });
  }
  if (await sentAgain(run, id, own.name)) return true;
  if (run.force) throw new ReplicaRefusal("APPLY MAILBOX", "NO IMAP_SYNC_CHECKSUM with force", "checksum");
  for (let merges = 1; ; merges++) {
    await mergeMailbox(run, id);
    if (await sentAgain(run, id, own.name)) return true;
    if (merges === MAX_MERGES) {
      throw new ReplicaRefusal("APPLY MAILBOX", `${own.name} does not become equal`, "checksum");
    }
  }
}

function isSame(run: SyncRun, id: MailboxId, remote: SyncMailbox): boolean {
  const own = run.store.mailboxes.byId(id);
  if (own === undefined) return true;
  return differences(own, run.store.annotations.all(own.name), remote).length === 0;
}

/** Looks at the replica again and sends everything that it lacks; false when it still does not agree. */
async function sentAgain(run: SyncRun, id: MailboxId, name: string): Promise<boolean> {
  const [remote] = await run.replica.getMailboxes([name]);
  if (remote !== undefined && isSame(run, id, remote)) return true;
  try {
    await sendMailbox(run, id, remote, { since: false, complete: true, elsewhere: [] });
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** A message that was thought to be there already is not. */
function isUnexplained(error: unknown): boolean {
  return error instanceof ReplicaRefusal && error.code === "other";
}
