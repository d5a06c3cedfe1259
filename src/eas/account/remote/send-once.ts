/** Sending by SMTP with a copy in Sent; with a key, once: see send-ledger.ts. */
import type { Log } from "../../../base/log.ts";
import { fieldValues, headerEnd } from "../../../mime/headers.ts";
import { messageIds } from "../../../mime/message-id.ts";
import { SystemFlag } from "../../../store/model.ts";
import { type OutgoingMessage, PartlySentError } from "../port.ts";
import { accepted } from "./failure.ts";
import type { RemoteFolder } from "./folder-tree.ts";
import { appendTo } from "./mail-collection.ts";
import type { RemoteUser } from "./remote-user.ts";
import { FRESH, select } from "./selecting.ts";
import type { Sending, SendLedger } from "./send-ledger.ts";
import { sendBySmtp, UnansweredError, withoutBcc } from "./sending.ts";
import { readSearches } from "./uid-set.ts";

export interface Sender {
  readonly user: RemoteUser;
  readonly userId: string;
  readonly ledger: SendLedger;
}

/** @throws AccountError */
export async function sendMessage(sender: Sender, message: OutgoingMessage): Promise<void> {
  const { user, ledger, userId } = sender;
  const { onceKey } = message;
  if (onceKey === undefined) {
    await sendBySmtp(message, user.settings, user.smtpLogin);
    await keepCopy(sender, message);
    return;
  }
  const before = await ledger.find(userId, onceKey);
  if (before?.state === "done") return;
  if (before?.state === "partly") throw new PartlySentError(before.text ?? "");
  const messageId = before?.messageId ?? messageIdOf(message.bytes);
  const isSent =
    before?.state === "accepted" || (before !== undefined && (await isInSent(sender, messageId)));
  if (!isSent) await handOver(sender, message, onceKey, messageId);
  // What was accepted before may have its copy already.
  await keepCopy(sender, message, before === undefined ? undefined : messageId);
  await note(sender, onceKey, { state: "done", messageId });
}

/** @throws AccountError */
async function handOver(
  sender: Sender,
  message: OutgoingMessage,
  onceKey: string,
  messageId: string,
): Promise<void> {
  const { user, ledger, userId } = sender;
  await ledger.begin(userId, onceKey, messageId);
  try {
    await sendBySmtp(message, user.settings, user.smtpLogin);
  } catch (error) {
    if (error instanceof PartlySentError) {
      await note(sender, onceKey, { state: "partly", messageId, text: error.message });
    } else if (error instanceof UnansweredError) {
      await note(sender, onceKey, { state: "unanswered", messageId });
    } else await logged(user.log, () => ledger.forget(userId, onceKey));
    throw error;
  }
  await note(sender, onceKey, { state: "accepted", messageId });
}

/** The message is on its way whether it can be noted or not. */
async function note({ user, userId, ledger }: Sender, onceKey: string, sending: Sending): Promise<void> {
  await logged(user.log, () => ledger.note(userId, onceKey, sending));
}

async function logged(log: Log, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.warn("what became of a message was not noted", { err: error });
  }
}

/** @param messageId of a copy that may be there */
async function keepCopy(
  sender: Sender,
  { bytes, saveInSent }: OutgoingMessage,
  messageId?: string,
): Promise<void> {
  if (!saveInSent) return;
  const { user, userId } = sender;
  try {
    const folder = await sentFolder(user);
    // OP-130: without a Sent folder it is sent all the same.
    if (folder === undefined) return;
    if (messageId !== undefined && (await isInSent(sender, messageId))) return;
    const flags = { systemFlags: SystemFlag.seen, keywords: [] };
    const copy = withoutBcc(bytes);
    await user.connections.use((lent) => appendTo(lent, folder, copy, flags), { repeatable: false });
  } catch (error) {
    // It is on its way: to say that it failed would have the device send it again.
    user.log.warn("sent mail not saved", { user: userId, err: error });
  }
}

async function sentFolder(user: RemoteUser): Promise<RemoteFolder | undefined> {
  const { folders } = await user.knownTree();
  return folders.find(({ use, selectable }) => use === "sent" && selectable);
}

/** @throws AccountError unavailable: then nothing is sent, and the device comes again */
async function isInSent({ user }: Sender, messageId: string): Promise<boolean> {
  const folder = await sentFolder(user);
  if (folder === undefined || messageId === "") return false;
  return user.connections.use(
    async (lent) => {
      await select(lent, folder, { generation: FRESH });
      const criterion = `HEADER Message-ID "${messageId.replaceAll(/["\\]/g, "\\$&")}"`;
      const found = accepted(await lent.client.command(`UID SEARCH ${criterion}`), "unavailable");
      return readSearches(found.untagged).some((uids) => uids.length > 0);
    },
    { prefer: folder.key },
  );
}

/** "" when it has none that a search can name. */
function messageIdOf(bytes: Buffer): string {
  const [id = ""] = messageIds(fieldValues(bytes, 0, headerEnd(bytes), "message-id")[0]);
  return /^[\x21-\x7e]+$/.test(id) ? id : "";
}
