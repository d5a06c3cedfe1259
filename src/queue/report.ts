/** Delivery status notifications (RFC 3464): to the sender, about mail that is late or could not be sent. */
import { buildMail } from "../mime/build.ts";
import { printDateHeader } from "../mime/date.ts";
import { headerEnd } from "../mime/headers.ts";
import type { QueuedMail, WaitingMail } from "./mail.ts";
import type { SmtpFailure } from "./smtp-failure.ts";

export interface ReportContext {
  readonly hostName: string;
  readonly nowMs: number;
  /** Until when it is tried again. */
  readonly expiresAtMs: number;
  readonly messageId: string;
  readonly boundary: string;
}

const MAX_HEADER_BYTES = 65_536;

/** Undefined when nobody may be told: RFC 5321 §6.1, the null reverse-path gets no reports. */
export function buildReport(
  action: "failed" | "delayed",
  mail: WaitingMail,
  body: Buffer,
  failure: SmtpFailure,
  context: ReportContext,
): QueuedMail | undefined {
  if (mail.sender === "") return undefined;
  const { hostName, nowMs } = context;
  const isFinal = action === "failed";
  const diagnostic = oneLine(`${failure.code} ${failure.message}`);
  // What got too old keeps the class of its last answer (RFC 3464 appendix E: failed with 4.0.0).
  const status = failure.temporary
    ? failure.status.replace(/^[25]/, "4")
    : failure.status.replace(/^[24]/, "5");
  const text =
    `Your message to <${mail.recipient}> ${isFinal ? "could not be delivered." : "is not delivered yet."}\r\n\r\n` +
    `${failure.host === "" ? "The reason is" : `${failure.host} said`}: ${diagnostic}\r\n\r\n` +
    (isFinal
      ? "Nothing more is done about it. The header of your message follows.\r\n"
      : `It is tried again until ${printDateHeader(context.expiresAtMs)}. You need not send it again.\r\n`);
  const fields = [
    `Reporting-MTA: dns; ${hostName}`,
    `Arrival-Date: ${printDateHeader(mail.createdAtMs)}`,
    "",
    `Final-Recipient: ${/[^\x00-\x7f]/.test(mail.recipient) ? "utf-8" : "rfc822"}; ${mail.recipient}`,
    `Action: ${action}`,
    `Status: ${status}`,
    ...(failure.host === "" ? [] : [`Remote-MTA: dns; ${failure.host}`]),
    `Diagnostic-Code: smtp; ${diagnostic}`,
    `Last-Attempt-Date: ${printDateHeader(nowMs)}`,
    ...(isFinal ? [] : [`Will-Retry-Until: ${printDateHeader(context.expiresAtMs)}`]),
    "",
  ];
  const bytes = buildMail({
    headers: [
      ["From", `Mail Delivery System <mailer-daemon@${hostName}>`],
      ["To", `<${mail.sender}>`],
      ["Subject", isFinal ? "Undelivered mail returned to sender" : "Mail is late"],
      ["Date", printDateHeader(nowMs)],
      ["Message-ID", `<${context.messageId}>`],
      ["Auto-Submitted", "auto-replied"],
    ],
    multipart: "report; report-type=delivery-status",
    parts: [
      { type: "text/plain", content: text },
      { type: "message/delivery-status", content: fields.join("\r\n") },
      {
        type: "text/rfc822-headers",
        content: body.subarray(0, Math.min(headerEnd(body), MAX_HEADER_BYTES)).toString("latin1"),
      },
    ],
    boundary: context.boundary,
  });
  return { kind: "report", userId: "", sender: "", recipient: mail.sender, bytes, once: undefined };
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\s]+/gu, " ").slice(0, 400);
}
