/** Makes one mailbox of the replica equal: a delta first, a full comparison when the checksums do not agree. */
import type { MailboxId } from "../../store/model.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import { Elsewhere } from "./elsewhere.ts";
import { mergeHidden, mergeMailbox } from "./merge-mailbox.ts";
import { ReplicaRefusal } from "./refusal.ts";
import type { SyncRun } from "./run.ts";
import { differences } from "./same-mailbox.ts";
import { isConflict, sendMailbox, type SentMailbox } from "./send-mailbox.ts";

/** Full comparisons of one mailbox in one run; each ends a conflict unless both sides change meanwhile. */
const MAX_MERGES = 3;

const NOT_BY_FORCE =
  "does not become equal by force: some of its messages are only there, or gone there; without --force both sides are merged";

/** Sends what the replica lacks; undefined when that is nothing. @throws ReplicaRefusal, ReplicaLost, StoreError */
export async function startMailbox(
  run: SyncRun,
  id: MailboxId,
  remote: SyncMailbox | undefined,
  elsewhere: Elsewhere,
): Promise<SentMailbox | undefined> {
  if (run.full === true && remote !== undefined) await mergeHidden(run, id, remote);
  if (remote !== undefined && isSame(run, id, remote)) return undefined;
  return await sendMailbox(run, id, remote, { since: true, complete: false, elsewhere });
}

/** `error` is what the replica said to that: looks closer. @throws ReplicaRefusal, ReplicaLost, StoreError */
export async function settleMailbox(run: SyncRun, id: MailboxId, error: unknown): Promise<void> {
  if (!isConflict(error) && !isUnexplained(error)) throw error;
  const own = run.store.mailboxes.byId(id);
  if (own === undefined) return;
  run.log.info("mailbox is compared again", { mailbox: own.name, err: (error as Error).message });
  if (await sentAgain(run, id, own.name)) return;
  // As with Cyrus, force takes nothing over from the replica and throws nothing away that only it has.
  if (run.force) throw new ReplicaRefusal("APPLY MAILBOX", `${own.name} ${NOT_BY_FORCE}`, "checksum");
  for (let merges = 1; ; merges++) {
    await mergeMailbox(run, id);
    if (await sentAgain(run, id, own.name)) return;
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
    // Nothing is believed to be there.
    const options = { since: false, complete: true, elsewhere: new Elsewhere() };
    const { answered } = await sendMailbox(run, id, remote, options);
    await answered;
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
