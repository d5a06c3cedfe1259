/** The fields of a message's header that MS-ASEMAIL shows, decoded. */
import { type Address, parseAddressList } from "../../mime/address.ts";
import { decodeHeader } from "../../mime/encoded-word.ts";
import { HeaderScanner } from "../../mime/headers.ts";

export interface MailHeader {
  /** Decoded; "" = none. */
  readonly subject: string;
  readonly from: readonly MailAddress[];
  readonly sender: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly bcc: readonly MailAddress[];
  /** 0 low, 1 normal, 2 high: MS-ASEMAIL §2.2.2.38. */
  readonly importance: number;
  readonly threadTopic: string;
  /** Base64 as Outlook writes it; "" = none. */
  readonly threadIndex: string;
  readonly contentClass: string;
  readonly messageId: string;
  readonly inReplyTo: string;
  readonly references: string;
  readonly autoSubmitted: string;
  /** A mailing list sent it. */
  readonly isList: boolean;
  /** Who wants to know that the message was read (RFC 8098 §2.1) or has arrived; "" = nobody. */
  readonly readReceiptTo: string;
  readonly deliveryReceiptTo: string;
}

export interface MailAddress {
  /** Decoded; "" = none. */
  readonly name: string;
  readonly address: string;
}

/** Longest value of an address field: MS-ASEMAIL §2.2.2.72 allows 32,768 characters. */
export const MAX_ADDRESS_FIELD_CHARACTERS = 32_768;

const FIELDS = new Set(
  (
    "subject from sender reply-to to cc bcc importance x-priority x-msmail-priority priority thread-topic " +
    "thread-index content-class message-id in-reply-to references auto-submitted list-id " +
    "disposition-notification-to return-receipt-to"
  ).split(" "),
);
const FIELD_LENGTHS = new Set(Array.from(FIELDS, (name) => name.length));

/** `bytes` from the start of the message to its body, or a piece of that. */
export function readMailHeader(bytes: Buffer): MailHeader {
  const values = new Map<string, string>();
  const scanner = new HeaderScanner(bytes, 0, bytes.length);
  while (scanner.next()) {
    if (!FIELD_LENGTHS.has(scanner.nameEnd - scanner.start)) continue;
    const name = scanner.name().toLowerCase();
    if (!FIELDS.has(name)) continue;
    const before = values.get(name);
    // Address fields that stand twice are one list; of others the first counts.
    if (before === undefined) values.set(name, scanner.value());
    else if (ADDRESS_FIELDS.has(name)) values.set(name, `${before}, ${scanner.value()}`);
  }
  const raw = (name: string): string => values.get(name) ?? "";
  const text = (name: string): string => decodeHeader(raw(name)).trim();
  const addresses = (name: string): readonly MailAddress[] => readAddresses(values.get(name));
  const subject = text("subject");
  return {
    subject,
    from: addresses("from"),
    sender: addresses("sender"),
    replyTo: addresses("reply-to"),
    to: addresses("to"),
    cc: addresses("cc"),
    bcc: addresses("bcc"),
    importance: importanceOf(raw),
    threadTopic: values.has("thread-topic") ? text("thread-topic") : topicOf(subject),
    threadIndex: raw("thread-index").replace(/\s+/g, ""),
    contentClass: raw("content-class").trim(),
    messageId: raw("message-id"),
    inReplyTo: raw("in-reply-to"),
    references: raw("references"),
    autoSubmitted: raw("auto-submitted").trim().toLowerCase(),
    isList: values.has("list-id"),
    readReceiptTo: addresses("disposition-notification-to")[0]?.address ?? "",
    deliveryReceiptTo: addresses("return-receipt-to")[0]?.address ?? "",
  };
}

const ADDRESS_FIELDS = new Set(["to", "cc", "bcc", "from", "reply-to"]);

export function readAddresses(value: string | undefined): readonly MailAddress[] {
  if (value === undefined || value === "") return [];
  const list: MailAddress[] = [];
  for (const address of parseAddressList(value)) {
    if (address.kind !== "mailbox") continue;
    const printed = addressOf(address);
    const name = decodeHeader(address.name).trim();
    if (printed !== "" || name !== "") list.push({ name, address: printed });
  }
  return list;
}

function addressOf({ mailbox, host }: Address): string {
  const local = decodeHeader(mailbox);
  return host === "" ? local : `${local}@${decodeHeader(host)}`;
}

/** `"Ann Example" <ann@example.org>, …`: MS-ASEMAIL §2.2.2.72; whole addresses up to the limit. */
export function printAddresses(list: readonly MailAddress[]): string {
  let text = "";
  for (const one of list) {
    const printed = printMailAddress(one);
    if (text.length + printed.length + 2 > MAX_ADDRESS_FIELD_CHARACTERS) break;
    text += text === "" ? printed : `, ${printed}`;
  }
  return text;
}

export function printMailAddress({ name, address }: MailAddress): string {
  if (name === "") return address === "" ? "" : `<${address}>`;
  const quoted = `"${name.replace(/(["\\])/g, "\\$1")}"`;
  return address === "" ? quoted : `${quoted} <${address}>`;
}

/** Names with semicolons between them: MS-ASEMAIL §2.2.2.29. */
export function displayNames(list: readonly MailAddress[]): string {
  let text = "";
  for (const { name, address } of list) {
    const shown = name === "" ? address : name;
    if (text.length + shown.length + 2 > MAX_ADDRESS_FIELD_CHARACTERS) break;
    text += text === "" ? shown : `; ${shown}`;
  }
  return text;
}

function importanceOf(raw: (name: string) => string): number {
  const word = (raw("importance") || raw("priority") || raw("x-msmail-priority")).trim().toLowerCase();
  if (word === "high" || word === "urgent") return 2;
  if (word === "low" || word === "non-urgent") return 0;
  const number = Number.parseInt(raw("x-priority"), 10);
  if (word !== "" || Number.isNaN(number)) return 1;
  return number < 3 ? 2 : number > 3 ? 0 : 1;
}

/** Marks of replies and forwards in the languages whose mailers translate them. */
const MARKS =
  /^(?:(?:re|aw|antw|antwort|sv|vs|odp|rif|ref|r|fw|fwd|wg|tr|vl|doorst|enc|pd|i|res|ynt|отв|回复|回覆|转发|轉寄|答复)\s*(?:\[\d{1,4}\]|\(\d{1,4}\))?\s*[:：]\s*)+/iu;

export function topicOf(subject: string): string {
  return /[:：]/.test(subject) ? subject.replace(MARKS, "") : subject;
}
