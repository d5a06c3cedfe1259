/** Makes folders of one user equal on a replica that speaks the text dialect, in the steps of S5.15–S5.18. */
import type { Clock } from "../../../base/io/clock.ts";
import type { Log } from "../../../base/log.ts";
import type { Mailbox, UserId } from "../../../store/model.ts";
import type { Store } from "../../../store/port.ts";
import { ReplicaRefusal } from "../../client/refusal.ts";
import type { FailedMailbox } from "../../client/update-user.ts";
import { printTextAcl } from "../acl-text.ts";
import { listedFlags } from "../folder-lines.ts";
import { messageIdOf, NO_MESSAGE_ID } from "../message-id.ts";
import { type FolderPlan, isEqual, planFolder } from "./folder-plan.ts";
import type { TextFolder, TextMessage, TextReplica } from "./text-replica.ts";

export interface TextRun {
  readonly store: Store;
  readonly replica: TextReplica;
  readonly clock: Clock;
  readonly log: Log;
  readonly step: (text: string) => void;
  readonly uploaded: (messages: number, bytes: number) => void;
}

/** Words of one command. */
const MAX_WORDS = 1000;
const MAX_UPLOAD_MESSAGES = 64;
const MAX_UPLOAD_BYTES = 4 * 1024 * 1024;

/** Everything of a user; folders that only the replica has stay. @throws ReplicaLost */
export async function updateUserByText(run: TextRun, user: UserId): Promise<readonly FailedMailbox[]> {
  run.step(`USER ${user}`);
  return await update(run, user, [...run.store.mailboxes.ofUser(user)], []);
}

/** Some folders of a user. @throws ReplicaLost */
export async function updateFoldersByText(
  run: TextRun,
  user: UserId,
  mailboxes: readonly Mailbox[],
): Promise<readonly FailedMailbox[]> {
  const names = mailboxes.map(({ name }) => name);
  run.step(`MAILBOXES ${names.join(" ")}`);
  return await update(run, user, mailboxes, names);
}

async function update(
  run: TextRun,
  user: UserId,
  mailboxes: readonly Mailbox[],
  names: readonly string[],
): Promise<readonly FailedMailbox[]> {
  const { replica, store } = run;
  run.step(`USER_SOME ${user} ${names.length === 1 ? names[0] : "..."}`);
  const remotes = await replica.userSome(user, names);
  const sendable = mailboxes.filter(({ intermediate, type }) => !intermediate && type !== "sieve");
  const plans = sendable.map((own) => planFolder(store, own, remotes.get(own.name)));
  for (const name of remotes.keys()) {
    if (!sendable.some((own) => own.name === name)) {
      run.log.warn("folder is only on the replica", { mailbox: name });
    }
  }
  const reserved = await reserve(run, plans, remotes);
  const failed: FailedMailbox[] = [];
  for (const plan of plans) {
    if (isEqual(plan)) continue;
    try {
      await carryOut(run, user, plan, reserved);
    } catch (error) {
      if (!(error instanceof ReplicaRefusal)) throw error;
      failed.push({ name: plan.own.name, error });
    }
  }
  await replica.endUser();
  run.step("ENDUSER");
  return failed;
}

/** Before anything is expunged: messages that another folder of the replica has need not be uploaded (S5.17). */
async function reserve(
  run: TextRun,
  plans: readonly FolderPlan[],
  remotes: ReadonlyMap<string, TextFolder>,
): Promise<ReadonlySet<string>> {
  const missing = new Set(plans.flatMap((plan) => plan.missing.map(({ messageId }) => messageId)));
  const reserved = new Set<string>();
  for (const { name, messageIds } of remotes.values()) {
    const wanted = [...new Set(messageIds)].filter((id) => id !== NO_MESSAGE_ID && missing.delete(id));
    if (wanted.length > 0) run.step(`RESERVE ${name} ...`);
    for (const some of pieces(wanted)) {
      for (const messageId of await run.replica.reserve(name, some)) reserved.add(messageId);
    }
  }
  return reserved;
}

async function carryOut(
  run: TextRun,
  user: UserId,
  plan: FolderPlan,
  reserved: ReadonlySet<string>,
): Promise<void> {
  const { replica, step } = run;
  const { own, remote, flags, expunged, missing } = plan;
  if (remote !== undefined && remote.uniqueId !== own.uniqueId) {
    throw new ReplicaRefusal("USER_SOME", `another folder has the name ${own.name}`, "mailbox_moved");
  }
  if (remote === undefined || plan.aclDiffers) {
    step(`CREATE ${own.name} ${own.uniqueId} "${printTextAcl(own.acl)}" 0 ${own.uidValidity}`);
    await replica.create(own);
  }
  step(`SELECT ${own.name}`);
  await replica.select(own.name);
  if (flags.length > 0) step(`SETFLAGS [${flags.length} msgs]`);
  for (const some of pieces(flags)) await replica.setFlags(some);
  if (expunged.length > 0) step(`EXPUNGE [${expunged.length} msgs]`);
  for (const some of pieces(expunged)) await replica.expunge(some);
  if (missing.length > 0) await upload(run, plan, reserved);
  step(`SETSEEN ${user} ...`);
  await replica.setSeen(user, own, plan.lastSeen, plan.seenUids);
}

/** Pipelined: what the replica has not taken yet is bounded by the link. */
async function upload(
  run: TextRun,
  { own, missing }: FolderPlan,
  reserved: ReadonlySet<string>,
): Promise<void> {
  const { store, replica } = run;
  run.step(`UPLOAD [${missing.length} msgs]`);
  const answers: Promise<void>[] = [];
  let batch: TextMessage[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    answers.push(replica.upload(batch));
    run.uploaded(batch.filter((message) => message.bytes !== undefined).length, bytes);
    batch = [];
    bytes = 0;
    await replica.link.room();
  };
  const add = async (uid: FolderPlan["missing"][number]["uid"], body: Buffer | undefined): Promise<void> => {
    const record = store.findRecord(own.id, uid);
    // Expunged by a client meanwhile.
    if (record === undefined) return;
    const { internalDate, guid } = record;
    batch.push({ uid, messageId: messageIdOf(guid), internalDate, flags: listedFlags(record), bytes: body });
    bytes += body?.length ?? 0;
    if (batch.length >= MAX_UPLOAD_MESSAGES || bytes >= MAX_UPLOAD_BYTES) await flush();
  };
  const [copied, sent] = [[], []] as [typeof missing, typeof missing];
  for (const message of missing) (reserved.has(message.messageId) ? copied : sent).push(message);
  for (const { uid } of copied) await add(uid, undefined);
  const uids = sent.map(({ uid }) => uid);
  for await (const message of store.readBodies(own.id, uids)) await add(message.uid, message.bytes);
  await flush();
  await Promise.all(answers);
}

function* pieces<Item>(items: readonly Item[]): Generator<readonly Item[]> {
  for (let at = 0; at < items.length; at += MAX_WORDS) yield items.slice(at, at + MAX_WORDS);
}
