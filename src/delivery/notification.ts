import { buildMail } from "../mime/build.ts";
import { printDateHeader } from "../mime/date.ts";
import type { Mailto } from "../sieve/mailto.ts";

export interface NotificationContext {
  readonly ownAddress: string;
  readonly messageId: string;
  readonly boundary: string;
  readonly atMs: number;
  /** Of the message that caused it. */
  readonly originalFrom: string;
  readonly originalSubject: string;
}

/** notify by mailto: RFC 5436 §2.7: marked as automatic, so that nothing answers it. */
export function buildNotification(
  target: Mailto,
  recipient: string,
  action: {
    readonly from: string | undefined;
    readonly importance: number;
    readonly message: string | undefined;
  },
  context: NotificationContext,
): Buffer {
  const subject = action.message ?? target.subject ?? `New message: ${context.originalSubject}`;
  return buildMail({
    headers: [
      ["From", action.from ?? `<${context.ownAddress}>`],
      ["To", `<${recipient}>`],
      ["Subject", subject],
      ["Date", printDateHeader(context.atMs)],
      ["Message-ID", `<${context.messageId}>`],
      ["Auto-Submitted", `auto-notified; owner-email="${context.ownAddress}"`],
      ["Importance", ["high", "normal", "low"][action.importance - 1] ?? "normal"],
    ],
    parts: [
      {
        type: "text/plain",
        content: target.body ?? `From: ${context.originalFrom}\r\nSubject: ${context.originalSubject}\r\n`,
      },
    ],
    boundary: context.boundary,
  });
}
