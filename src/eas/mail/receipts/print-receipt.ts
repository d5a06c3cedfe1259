/** Disposition and delivery notifications: RFC 8098 §3, RFC 3464 §2; the words for people by Mustache (S2.58). */
import mustache from "mustache";
import { buildMail } from "../../../mime/build.ts";
import { printDateHeader } from "../../../mime/date.ts";
import { printMailAddress, type MailHeader } from "../mail-header.ts";

export interface ReceiptParts {
  readonly kind: "read" | "delivery";
  /** Who asked. */
  readonly to: string;
  /** Whose mail it is. */
  readonly from: { readonly name: string; readonly address: string };
  readonly header: MailHeader;
  /** Mustache. */
  readonly template: string;
  readonly hostName: string;
  readonly nowMs: number;
  readonly id: string;
}

const MAX_SUBJECT_CHARACTERS = 200;

export function printReceipt(parts: ReceiptParts): Buffer {
  const { kind, to, from, header, hostName, nowMs, id } = parts;
  const subject = header.subject.slice(0, MAX_SUBJECT_CHARACTERS);
  const original = header.messageId.trim();
  const fields =
    kind === "read"
      ? [
          `Reporting-UA: ${hostName}; Rookery ActiveSync`,
          `Final-Recipient: rfc822; ${from.address}`,
          ...(original === "" ? [] : [`Original-Message-ID: ${original}`]),
          // The user opened it; that the notice is sent was decided for him (RFC 8098 §3.2.6).
          "Disposition: manual-action/MDN-sent-automatically; displayed",
          "",
        ]
      : [
          `Reporting-MTA: dns; ${hostName}`,
          "",
          `Final-Recipient: rfc822; ${from.address}`,
          "Action: delivered",
          "Status: 2.0.0",
          "",
        ];
  return buildMail({
    headers: [
      ["From", printMailAddress(from)],
      ["To", `<${to}>`],
      ["Subject", `${kind === "read" ? "Read" : "Delivered"}: ${subject}`],
      ["Date", printDateHeader(nowMs)],
      ["Message-ID", `<${id}@${hostName}>`],
      ...(original === "" ? [] : ([["In-Reply-To", original]] as const)),
      ["Auto-Submitted", "auto-replied"],
    ],
    multipart: `report; report-type=${kind === "read" ? "disposition-notification" : "delivery-status"}`,
    parts: [
      { type: "text/plain", content: words(parts) },
      {
        type: kind === "read" ? "message/disposition-notification" : "message/delivery-status",
        content: fields.join("\r\n"),
      },
    ],
    boundary: `=_${id}`,
  });
}

function words({ template, from, hostName, header }: ReceiptParts): string {
  const recipients = [...header.to, ...header.cc].map(({ address }) => ({ address }));
  const view = { host: hostName, address: from.address, recipients };
  // Plain text: nothing is escaped.
  return mustache.render(template, view, undefined, { escape: String });
}
