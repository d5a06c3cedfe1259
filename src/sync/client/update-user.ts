/** Makes everything of a user, or some mailboxes, equal on the replica. */
import type { Mailbox, MailboxName, UserId } from "../../store/model.ts";
import { fromDeletedName, inboxOf, isDeletedName } from "../../store/names.ts";
import type { Store } from "../../store/port.ts";
import type { SyncMailbox } from "../codec/mailbox-line.ts";
import { deletedInboxOf, mailboxesOfUser } from "./groups.ts";
import type { RemoteUser } from "./replica.ts";
import type { SyncRun } from "./run.ts";
import { type FailedMailbox, updateMailboxes } from "./update-mailboxes.ts";
import { updateSeen, updateSubscriptions, updateUserQuotas } from "./update-meta.ts";
import { updateScripts } from "./update-scripts.ts";
import { updateNames } from "./update-names.ts";

/** Renames change what the replica says (Cyrus's IMAP_AGAIN): it is asked again at most so often. */
const MAX_ROUNDS = 3;

export type { FailedMailbox };

/** @throws ReplicaLost; a refused mailbox does not stop the others and is told at the end */
export async function updateUser(run: SyncRun, user: UserId): Promise<readonly FailedMailbox[]> {
  run.step(`USER ${user}`);
  const remote = await namesSettled(
    run,
    () => run.replica.getUser(user),
    ({ mailboxes }) => mailboxes,
  );
  const failed = await updateMailboxes(run, mailboxesOfUser(run.store, user), remote.mailboxes);
  if (run.store.mailboxes.find(inboxOf(user)) === undefined) {
    await forgetUser(run, user, remote);
    return failed;
  }
  await updateUserQuotas(run, user, remote);
  await updateSubscriptions(run, user, remote.subscriptions);
  await updateSeen(run, user, remote.seen);
  await updateScripts(run, user, remote.scripts);
  forgetStaged(run);
  run.step("ENDUSER");
  return failed;
}

/** Nobody waits for the answer: whatever comes next begins with a question, whose answer comes behind it. */
function forgetStaged(run: SyncRun): void {
  run.replica.restart().catch(() => undefined);
}

/** Some mailboxes of one user, or of nobody; `formerNames` are names that they had. */
export async function updateSomeMailboxes(
  run: SyncRun,
  mailboxes: readonly Mailbox[],
  formerNames: readonly MailboxName[],
): Promise<readonly FailedMailbox[]> {
  const names = [...new Set([...mailboxes.map(({ name }) => name), ...formerNames])];
  run.step(`MAILBOXES ${names.join(" ")}`);
  const uniqueIds = mailboxes.map(({ uniqueId }) => uniqueId);
  const ask = async (): Promise<readonly SyncMailbox[]> => {
    const byName = await run.replica.getMailboxes(names);
    const known = new Set(byName.map(({ uniqueId }) => uniqueId));
    const others = uniqueIds.filter((id) => !known.has(id));
    return [...byName, ...(await run.replica.getUniqueIds(others))];
  };
  const remotes = await namesSettled(run, ask, (answer) => answer);
  const current = mailboxes.flatMap(({ id }) => run.store.mailboxes.byId(id) ?? []);
  const failed = await updateMailboxes(run, current, remotes);
  forgetStaged(run);
  run.step("ENDUSER");
  return failed;
}

async function namesSettled<Answer>(
  run: SyncRun,
  ask: () => Promise<Answer>,
  mailboxesOf: (answer: Answer) => readonly SyncMailbox[],
): Promise<Answer> {
  for (let round = 1; ; round++) {
    const answer = await ask();
    if (!(await updateNames(run, mailboxesOf(answer))) || round > MAX_ROUNDS) return answer;
  }
}

/** The user is gone here: what the replica still has of him goes, too. */
async function forgetUser(run: SyncRun, user: UserId, remote: RemoteUser): Promise<void> {
  const left = remote.subscriptions.size + remote.seen.size + remote.quotas.size;
  const mailboxes = remote.mailboxes.filter(({ name }) => !isDeletedName(name));
  if (left + mailboxes.length === 0) return;
  if (!wasHere(run.store, user)) {
    run.log.warn("user is only on the replica and was never here", { user });
    return;
  }
  run.step(`UNUSER ${user}`);
  await run.replica.unuser(user);
}

function wasHere({ mailboxes }: Store, user: UserId): boolean {
  const inbox = inboxOf(user);
  for (const { name } of mailboxes.tombstones(inbox)) if (name === inbox) return true;
  for (const { name } of mailboxes.list(`${deletedInboxOf(user)}.`)) {
    if (fromDeletedName(name)?.name === inbox) return true;
  }
  return false;
}
