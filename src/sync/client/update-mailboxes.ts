/**
 * Makes mailboxes equal, one after the other, without waiting for each: what is sent for the next goes out while the
 * replica works on those before it. A refusal is looked into when its turn has come, with nothing sent in between.
 */
import type { Mailbox, MailboxId, MailboxName } from "../../store/model.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import { Elsewhere } from "./elsewhere.ts";
import { isSendable } from "./groups.ts";
import { ReplicaRefusal } from "./refusal.ts";
import type { SyncRun } from "./run.ts";
import { settleMailbox, startMailbox } from "./update-mailbox.ts";

/** Mailboxes that are sent before the oldest is answered. */
const MAX_UNANSWERED = 64;

/** A mailbox could not be made equal; the others were. */
export interface FailedMailbox {
  readonly name: MailboxName;
  readonly error: ReplicaRefusal;
}

interface Unanswered {
  readonly id: MailboxId;
  readonly name: MailboxName;
  /** What the replica said before all of it was sent. */
  readonly refusal: ReplicaRefusal | undefined;
  readonly answered: Promise<unknown>;
}

/** @throws ReplicaLost; a refused mailbox does not stop the others */
export async function updateMailboxes(
  run: SyncRun,
  mailboxes: Iterable<Mailbox>,
  remotes: readonly SyncMailbox[],
): Promise<readonly FailedMailbox[]> {
  const byUniqueId = new Map(remotes.map((remote) => [remote.uniqueId, remote]));
  const elsewhere = new Elsewhere(remotes.filter(({ lastUid }) => lastUid > 0).map(({ name }) => name));
  const failed: FailedMailbox[] = [];
  const unanswered: Unanswered[] = [];
  const settle = async ({ id, name, refusal, answered }: Unanswered): Promise<void> => {
    try {
      const error = refusal ?? (await refusalOf(answered));
      if (error === undefined) return;
      // It may empty the staging area.
      elsewhere.restarted();
      await settleMailbox(run, id, error);
    } catch (error) {
      if (!(error instanceof ReplicaRefusal)) throw error;
      run.log.error("mailbox could not be made equal", { mailbox: name, err: error });
      failed.push({ name, error });
    }
  };
  const send = async (own: Mailbox): Promise<void> => {
    const remote = byUniqueId.get(own.uniqueId);
    const here = remote?.name === own.name ? remote : undefined;
    const { id, name } = own;
    try {
      const sent = await startMailbox(run, id, here, elsewhere);
      if (sent === undefined) return;
      unanswered.push({ id, name, refusal: undefined, answered: sent.answered });
    } catch (error) {
      if (!(error instanceof ReplicaRefusal)) throw error;
      unanswered.push({ id, name, refusal: error, answered: Promise.resolve() });
    }
    if (own.lastUid > 0) elsewhere.sent(name);
  };
  for (const { id } of mailboxes) {
    const own = run.store.mailboxes.byId(id);
    if (own === undefined || !isSendable(own, run.replica.hasSieveMailbox)) continue;
    await send(own);
    if (elsewhere.isFull) restart(run, elsewhere);
    if (unanswered.length > MAX_UNANSWERED) await settle(unanswered.shift()!);
  }
  for (const each of unanswered) await settle(each);
  return failed;
}

/** undefined = it said OK. @throws what is no refusal */
async function refusalOf(answered: Promise<unknown>): Promise<ReplicaRefusal | undefined> {
  try {
    await answered;
    return undefined;
  } catch (error) {
    if (error instanceof ReplicaRefusal) return error;
    throw error;
  }
}

/** Nobody waits for the answer: a question or a command comes behind it, and it is answered in turn. */
function restart(run: SyncRun, elsewhere: Elsewhere): void {
  run.replica.restart().catch(() => undefined);
  elsewhere.restarted();
}
