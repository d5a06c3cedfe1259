/**
 * What SendMail, SmartReply and SmartForward have in common (MS-ASCMD §2.2.1.17, §2.2.1.19, §2.2.1.20): the request in its
 * two forms (`message/rfc822` with parameters up to 12.1, WBXML since 14.0), sending once for each ClientId, refusals.
 */
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError, type AccountErrorCode, PartlySentError } from "../account/port.ts";
import type { EasAnswer, EasRequest } from "../command.ts";
import { folderKeyOf } from "../folders/folder-key.ts";
import { parseItemId } from "../folders/server-id.ts";
import { type ItemPlace, parseLongId } from "./find-item.ts";
import { sendOnce } from "./send-once.ts";
import type { CommandServices } from "./services.ts";

const STATUS = tagOf("ComposeMail:Status");
const CLIENT_ID = tagOf("ComposeMail:ClientId");
const ACCOUNT_ID = tagOf("ComposeMail:AccountId");
const SAVE_IN_SENT_ITEMS = tagOf("ComposeMail:SaveInSentItems");
const MIME = tagOf("ComposeMail:Mime");
const REPLACE_MIME = tagOf("ComposeMail:ReplaceMime");
const SOURCE = tagOf("ComposeMail:Source");
const FOLDER_ID = tagOf("ComposeMail:FolderId");
const ITEM_ID = tagOf("ComposeMail:ItemId");
const LONG_ID = tagOf("ComposeMail:LongId");

/** Common status (MS-ASCMD §2.2.2) → HTTP status of 12.1. */
const REFUSALS = {
  invalid_xml: [103, 400],
  invalid_mime: [107, 400],
  server_error: [110, 500],
  retry_later: [111, 503],
  mailbox_full: [113, 507],
  previously_sent: [118, 200],
  no_recipient: [119, 500],
  submission_failed: [120, 500],
  reply_failed: [121, 500],
  too_large: [122, 413],
  item_not_found: [150, 500],
  account_unknown: [166, 500],
} as const;
export type ComposeRefusalCode = keyof typeof REFUSALS;

export class ComposeRefusal extends Error {
  override name = "ComposeRefusal";
  readonly code: ComposeRefusalCode;
  constructor(code: ComposeRefusalCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

const ACCOUNT_REFUSALS: Partial<Record<AccountErrorCode, ComposeRefusalCode>> = {
  over_quota: "mailbox_full",
  message_too_big: "too_large",
  sender_denied: "submission_failed",
  send_failed: "submission_failed",
  no_recipient: "no_recipient",
  unavailable: "retry_later",
  folder_missing: "item_not_found",
  item_missing: "item_not_found",
};

export interface ComposeRequest {
  /** Up to 12.1 "" in the request; then what the message is known by instead (send-once.ts). */
  readonly clientId: string;
  readonly saveInSent: boolean;
  readonly replaceMime: boolean;
  readonly mime: Buffer;
}

/** @throws ComposeRefusal */
function readCompose({ root, body, version, parameters }: EasRequest): ComposeRequest {
  if (version < 140) {
    if (root !== undefined || body.length === 0)
      throw new ComposeRefusal("invalid_mime", "no message was sent");
    return {
      clientId: "",
      saveInSent: parameters.get("SaveInSent")?.toUpperCase() === "T",
      replaceMime: false,
      mime: body,
    };
  }
  const clientId = root?.textOf(CLIENT_ID) ?? "";
  const mime = root?.child(MIME)?.content;
  if (root === undefined || clientId === "" || mime === undefined) {
    throw new ComposeRefusal("invalid_xml", "ClientId or Mime is missing");
  }
  if (root.child(ACCOUNT_ID) !== undefined)
    throw new ComposeRefusal("account_unknown", "there is one account");
  if (mime.length === 0) throw new ComposeRefusal("invalid_mime", "the message is empty");
  return {
    clientId,
    saveInSent: root.flagOf(SAVE_IN_SENT_ITEMS, false),
    replaceMime: root.flagOf(REPLACE_MIME, false),
    mime,
  };
}

/** The message that is answered. @throws ComposeRefusal */
export async function readSource(request: EasRequest): Promise<ItemPlace> {
  const { root, parameters, version } = request;
  const source = root?.child(SOURCE);
  if (version >= 140 && source === undefined) throw new ComposeRefusal("invalid_xml", "Source is missing");
  const longId = source?.textOf(LONG_ID) ?? parameters.get("LongId");
  if (longId !== undefined && longId !== "") {
    const place = parseLongId(longId);
    if (place !== undefined) return place;
    throw new ComposeRefusal("item_not_found", "the LongId names nothing");
  }
  const folderId = source?.textOf(FOLDER_ID) ?? parameters.get("CollectionId") ?? "";
  const itemId = source?.textOf(ITEM_ID) ?? parameters.get("ItemId") ?? "";
  if (itemId === "") throw new ComposeRefusal("invalid_xml", "ItemId is missing");
  const parsed = parseItemId(itemId);
  // Clients that moved the message meanwhile name the old folder: the item's own name tells where it is.
  const folderKey =
    parsed && ((await folderKeyOf(request, parsed.collectionId)) ?? (await folderKeyOf(request, folderId)));
  if (parsed === undefined || folderKey === undefined) {
    throw new ComposeRefusal("item_not_found", "the item is in no folder of the device");
  }
  return { ...parsed, folderKey };
}

/** Identity of a request, the same when it is repeated. */
export function identityOf({ device }: EasRequest, { clientId }: ComposeRequest): string {
  return `${device.userId}/${device.deviceId}/${clientId}`;
}

/** Runs `compose` and sends what it gives, once for each message. */
export async function composeAnswer(
  request: EasRequest,
  services: Pick<CommandServices, "clock" | "random">,
  compose: (read: ComposeRequest) => Promise<Buffer>,
  sent: (read: ComposeRequest) => Promise<void> = () => Promise.resolve(),
): Promise<EasAnswer> {
  try {
    const asked = readCompose(request);
    const once = await sendOnce(request, asked, services);
    const answer: EasAnswer = {
      kind: "empty",
      ...(once.delivered !== undefined && { delivered: once.delivered }),
    };
    if (once.wasSent) {
      // 12.1 has no word for it: the answer that was lost comes again.
      if (asked.clientId === "") return answer;
      throw new ComposeRefusal("previously_sent", "a message with this ClientId was sent");
    }
    const read = { ...asked, clientId: once.id };
    const bytes = await compose(read);
    const onceKey = `eas:${request.device.deviceId}:${once.id}`;
    try {
      await request.account.send({ bytes, saveInSent: read.saveInSent, onceKey });
    } catch (error) {
      if (error instanceof PartlySentError) await once.sent();
      throw error;
    }
    // After it was sent: a request that died before is tried again, and the account tells by the key what came of it.
    await once.sent();
    request.summary.inChange += 1;
    await sent(read);
    return answer;
  } catch (error) {
    const refusal = asRefusal(error);
    if (refusal === undefined) throw error;
    request.log.warn("message not sent", { reason: refusal.code, err: refusal.message });
    return refusalAnswer(request, refusal);
  }
}

function asRefusal(error: unknown): ComposeRefusal | undefined {
  if (error instanceof ComposeRefusal) return error;
  if (!(error instanceof AccountError)) return undefined;
  const code = ACCOUNT_REFUSALS[error.code];
  return code === undefined ? undefined : new ComposeRefusal(code, error.message, { cause: error });
}

function refusalAnswer({ command, version }: EasRequest, { code, message }: ComposeRefusal): EasAnswer {
  const [status, http] = REFUSALS[code];
  if (version < 140) return { kind: "http", status: http, text: message };
  const root = tagOf(`ComposeMail:${command}`);
  return { kind: "wbxml", bytes: new WbxmlWriter().start(root).text(STATUS, status).end().finish() };
}
