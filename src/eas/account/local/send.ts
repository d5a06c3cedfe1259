/** Sending as a user of this node: his own addresses only, into the queue, a copy into Sent. */
import type { Log } from "../../../base/log.ts";
import { toUid } from "../../../base/numbers.ts";
import { parseAddressList } from "../../../mime/address.ts";
import { fieldValues, headerEnd } from "../../../mime/headers.ts";
import { messageIds } from "../../../mime/message-id.ts";
import { type Mailbox, SystemFlag } from "../../../store/model.ts";
import type { Store } from "../../../store/port.ts";
import { SubmissionRefusal, type SubmissionRefusalCode } from "../../../submission/refusal.ts";
import { AccountError, type AccountErrorCode, type OutgoingMessage } from "../port.ts";
import { accountFailure } from "./failure.ts";
import { FolderChanges } from "./folder-changes.ts";
import { localFolders } from "./folder-tree.ts";
import type { LocalServices, LocalUser } from "./services.ts";

/** src/submission/outgoing.ts */
export interface Outgoing {
  send(
    userId: string,
    sender: string,
    recipients: readonly string[],
    bytes: Buffer,
    received?: string,
    onceKey?: string,
  ): Promise<void>;
}

const CODES: Record<SubmissionRefusalCode, AccountErrorCode> = {
  sender_denied: "sender_denied",
  recipient_unknown: "send_failed",
  recipient_invalid: "send_failed",
  no_recipients: "no_recipient",
  too_many_recipients: "send_failed",
  message_too_big: "message_too_big",
  rate_limited: "unavailable",
  queue_full: "unavailable",
  busy: "unavailable",
};

/** Copies looked at when a message is sent again, since no answer to the first time was heard. */
const RECENT_COPIES = 20;

export async function sendAs(
  services: LocalServices,
  user: LocalUser,
  outgoing: Outgoing,
  message: OutgoingMessage,
): Promise<void> {
  const { bytes, onceKey } = message;
  const end = headerEnd(bytes);
  const [sender] = addressesIn(bytes, end, ["from"]);
  const recipients = message.recipients ?? addressesIn(bytes, end, ["to", "cc", "bcc"]);
  if (recipients.length === 0) throw new AccountError("no_recipient", "the message has no recipients");
  if (sender === undefined) throw new AccountError("sender_denied", "the message has no sender");
  try {
    await outgoing.send(user.userId, sender, recipients, bytes, undefined, onceKey);
  } catch (error) {
    if (error instanceof SubmissionRefusal) {
      throw new AccountError(CODES[error.code], error.message, { cause: error });
    }
    throw accountFailure(error);
  }
  if (message.saveInSent) await saveCopy(services, user, bytes, onceKey !== undefined);
}

/** The message is on its way: a copy that cannot be kept is a line in the log, not a reason to send it again. */
async function saveCopy(
  services: LocalServices,
  user: LocalUser,
  bytes: Buffer,
  mayBeRepeated: boolean,
): Promise<void> {
  const { store, log } = services;
  try {
    const sent = await sentFolder(services, user);
    if (mayBeRepeated && (await hasCopy(store, sent, bytes))) return;
    const body = store.stageBuffer(bytes);
    try {
      const copy = { body, systemFlags: SystemFlag.seen, keywords: [] };
      await store.append(sent.id, [copy], user.by);
    } finally {
      body.release();
    }
  } catch (error) {
    warn(log, user, error);
  }
}

function warn(log: Log, { userId }: LocalUser, error: unknown): void {
  log.warn("sent message not kept in Sent", { user: userId, err: error });
}

/** Made when there is none (OP-130). */
async function sentFolder(services: LocalServices, user: LocalUser): Promise<Mailbox> {
  const folder =
    localFolders(services, user).find(({ use }) => use === "sent") ??
    (await new FolderChanges(services, user).create(undefined, "Sent"));
  const mailbox = services.store.mailboxes.byUniqueId(folder.key);
  if (mailbox === undefined) throw new AccountError("folder_missing", "there is no folder for sent mail");
  return mailbox;
}

async function hasCopy(store: Store, { id }: Mailbox, bytes: Buffer): Promise<boolean> {
  const [wanted] = messageIds(fieldValues(bytes, 0, headerEnd(bytes), "message-id")[0]);
  if (wanted === undefined) return false;
  const view = await store.open(id);
  try {
    const recent = Array.from(view.uids.subarray(Math.max(0, view.count - RECENT_COPIES)), toUid);
    for (const { summary } of store.readSummaries(id, recent)) if (summary.messageId === wanted) return true;
    return false;
  } finally {
    view.release();
  }
}

/** Addresses as they stand in header fields; UTF-8 ones (RFC 6532) as text. */
function addressesIn(bytes: Buffer, end: number, names: readonly string[]): string[] {
  return names
    .flatMap((name) => fieldValues(bytes, 0, end, name))
    .flatMap((value) => parseAddressList(value))
    .filter(({ kind, mailbox, host }) => kind === "mailbox" && mailbox !== "" && host !== "")
    .map(({ mailbox, host }) => Buffer.from(`${quoted(mailbox)}@${host}`, "latin1").toString("utf8"));
}

/** RFC 5321 §4.1.2: what is no dot-string stands in quotes. */
function quoted(local: string): string {
  return /^[^\s"(),:;<>@[\\\]]+$/.test(local) ? local : `"${local.replace(/["\\]/g, "\\$&")}"`;
}
