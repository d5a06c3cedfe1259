/**
 * Out-of-office answers: when one may be sent (RFC 5230 §4.5–4.6, RFC 3834 §2) and what it looks like. Rather one answer
 * too few than a loop or an answer to a list.
 */
import { buildMail, headerLine } from "../mime/build.ts";
import { printDateHeader } from "../mime/date.ts";
import type { HeaderField } from "../sieve/message.ts";
import type { MailMessage } from "./sieve-message.ts";

export interface VacationReply {
  readonly reason: string;
  readonly subject: string | undefined;
  readonly from: string | undefined;
  /** The reason is a MIME entity with its own header. */
  readonly mime: boolean;
}

export interface VacationContext {
  readonly message: MailMessage;
  /** Envelope sender; "" = the null reverse-path. */
  readonly sender: string;
  /** All addresses of the owner: the directory's, those of `:addresses`, and the one the message came to. */
  readonly ownAddresses: readonly string[];
  readonly messageId: string;
  readonly boundary: string;
  readonly atMs: number;
}

const ROBOTS =
  /^(?:mailer-daemon|listserv|majordomo|postmaster|root|no-?reply|do-?not-?reply|noreply.*|owner-.*|.*-owner|.*-request|.*-bounces?(?:\+.*)?|bounces?(?:[+-].*)?|.*-confirm(?:\+.*)?|.*-errors)$/i;
const RECIPIENT_FIELDS = new Set(["to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"]);

/** Why no answer may be sent; undefined = one may. */
export function reasonForSilence(context: VacationContext): string | undefined {
  const { message, sender, ownAddresses } = context;
  const own = new Set(ownAddresses.map((address) => address.toLowerCase()));
  if (sender === "") return "the sender is the null reverse-path";
  if (own.has(sender.toLowerCase())) return "the owner wrote to himself";
  if (ROBOTS.test(sender.slice(0, sender.lastIndexOf("@")))) return "the sender is a program";
  let isNamed = false;
  for (const { name, value } of message.root.headers) {
    const lower = name.toLowerCase();
    const silence = silenceOf(lower, value.toLowerCase());
    if (silence !== undefined) return silence;
    // RFC 5230 §4.5: only mail that names the owner is answered.
    if (!isNamed && RECIPIENT_FIELDS.has(lower)) {
      isNamed = message.parseAddresses(value).some(({ address }) => own.has(address.toLowerCase()));
    }
  }
  return isNamed ? undefined : "no recipient field names the owner";
}

function silenceOf(name: string, value: string): string | undefined {
  if (name === "auto-submitted" && !/^\s*no\s*(?:;|$)/.test(value)) return "the message is automatic";
  if (name.startsWith("list-")) return "the message came from a list";
  if (name === "precedence" && /^\s*(?:bulk|list|junk)/.test(value)) return `precedence is ${value.trim()}`;
  if (name === "x-auto-response-suppress" && /all|oof|autoreply/.test(value))
    return "the sender wants no answer";
  if (name === "x-autoreply" || name === "x-autorespond" || name === "x-loop")
    return "the message is an answer";
  if (name === "x-spam-flag" && /^\s*yes/.test(value)) return "the message is spam";
  if (name === "content-type" && /^\s*multipart\/report/.test(value)) return "the message is a report";
  return undefined;
}

/** RFC 5230 §5: to the envelope sender, from the address that was written to, marked as automatic. */
export function buildVacation(reply: VacationReply, context: VacationContext, fallbackFrom: string): Buffer {
  const { message, sender } = context;
  const original = (name: string): string | undefined => fieldOf(message.root.headers, name);
  const id = original("message-id");
  const references = [original("references"), id].filter((text) => text !== undefined).join(" ");
  const headers: (readonly [string, string])[] = [
    ["From", reply.from ?? addressedAs(context) ?? fallbackFrom],
    ["To", `<${sender}>`],
    ["Subject", reply.subject ?? `Auto: ${original("subject") ?? "your message"}`],
    ["Date", printDateHeader(context.atMs)],
    ["Message-ID", `<${context.messageId}>`],
    ...(id === undefined ? [] : ([["In-Reply-To", id]] as const)),
    ...(references === "" ? [] : ([["References", references.slice(-900).replace(/^[^<]*/, "")]] as const)),
    ["Auto-Submitted", "auto-replied (vacation)"],
    ["X-Auto-Response-Suppress", "All"],
    ["Precedence", "bulk"],
  ];
  if (reply.mime) {
    const lines = [...headers.map(([name, value]) => headerLine(name, value)), "MIME-Version: 1.0\r\n"];
    return Buffer.from(lines.join("") + reply.reason.replace(/\r?\n/g, "\r\n"));
  }
  return buildMail({
    headers,
    parts: [{ type: "text/plain", content: endWithLine(reply.reason) }],
    boundary: context.boundary,
  });
}

/** The owner's address as the sender wrote it. */
function addressedAs({ message, ownAddresses }: VacationContext): string | undefined {
  const own = new Set(ownAddresses.map((address) => address.toLowerCase()));
  for (const { name, value } of message.root.headers) {
    if (!RECIPIENT_FIELDS.has(name.toLowerCase())) continue;
    const found = message.parseAddresses(value).find(({ address }) => own.has(address.toLowerCase()));
    if (found !== undefined) return `<${found.address}>`;
  }
  return undefined;
}

function fieldOf(headers: readonly HeaderField[], name: string): string | undefined {
  const value = headers.find((field) => field.name.toLowerCase() === name)?.value.trim();
  return value === "" ? undefined : value;
}

function endWithLine(text: string): string {
  return text.endsWith("\n") ? text : `${text}\r\n`;
}
