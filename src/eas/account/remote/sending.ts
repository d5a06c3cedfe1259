/** What users send goes out through the SMTP server of their account, with their own password. */
import { createTransport } from "nodemailer";
import { parseAddressList } from "../../../mime/address.ts";
import { fieldValues, headerEnd, selectFields } from "../../../mime/headers.ts";
import { AccountError, type AccountErrorCode, type OutgoingMessage, PartlySentError } from "../port.ts";
import type { GatewaySettings } from "./options.ts";

export interface SmtpLogin {
  readonly user: string;
  readonly password: string;
  /** Envelope sender. */
  readonly address: string;
  readonly authorities: string | undefined;
}

const BCC = new Set(["bcc", "resent-bcc"]);
const MAX_RECIPIENTS = 5_000;

/** The server said nothing: it may have the message or not. */
export class UnansweredError extends AccountError {
  constructor(message: string, options?: ErrorOptions) {
    super("unavailable", message, options);
  }
}

/** As it leaves. */
export function withoutBcc(bytes: Buffer): Buffer {
  const bodyStart = headerEnd(bytes);
  return Buffer.concat([selectFields(bytes, 0, bodyStart, BCC, true), bytes.subarray(bodyStart)]);
}

/** @throws AccountError no_recipient, sender_denied, send_failed, message_too_big, over_quota, unavailable (UnansweredError when it may be sent), credentials_invalid */
export async function sendBySmtp(
  { bytes, recipients }: Pick<OutgoingMessage, "bytes" | "recipients">,
  settings: GatewaySettings,
  { user, password, address, authorities }: SmtpLogin,
): Promise<void> {
  const to = recipients ?? recipientsOf(bytes, headerEnd(bytes));
  if (to.length === 0) throw new AccountError("no_recipient", "the message has no recipients");
  if (to.length > MAX_RECIPIENTS)
    throw new AccountError("send_failed", `more than ${MAX_RECIPIENTS} recipients`);
  const raw = withoutBcc(bytes);
  const { smtp, smtpTls, smtpLogin, verifyCertificates, timeoutMs } = settings;
  const transport = createTransport({
    host: smtp.host === "" ? "127.0.0.1" : smtp.host,
    port: smtp.port,
    secure: smtpTls === "implicit",
    requireTLS: smtpTls === "starttls",
    ignoreTLS: smtpTls === "off",
    opportunisticTLS: smtpTls === "auto",
    tls: { rejectUnauthorized: verifyCertificates, ...(authorities !== undefined && { ca: authorities }) },
    ...(smtpLogin && { auth: { user, pass: password } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { rejected } = await transport.sendMail({ envelope: { from: address, to: [...to] }, raw });
    if (rejected.length > 0) {
      throw new PartlySentError(`refused for ${rejected.map(String).join(", ")}; the others got it`);
    }
  } catch (error) {
    throw toAccountError(error);
  } finally {
    transport.close();
  }
}

function recipientsOf(bytes: Buffer, bodyStart: number): string[] {
  const found = new Map<string, string>();
  for (const field of ["to", "cc", "bcc"]) {
    for (const value of fieldValues(bytes, 0, bodyStart, field)) {
      for (const { kind, mailbox, host } of parseAddressList(value)) {
        if (kind !== "mailbox" || mailbox === "" || host === "") continue;
        const address = Buffer.from(`${mailbox}@${host}`, "latin1").toString("utf8");
        found.set(address.toLowerCase(), address);
      }
    }
  }
  return [...found.values()];
}

function toAccountError(error: unknown): unknown {
  if (error instanceof AccountError || !(error instanceof Error)) return error;
  const code = "responseCode" in error && typeof error.responseCode === "number" ? error.responseCode : 0;
  const said = "response" in error && typeof error.response === "string" ? error.response : error.message;
  const isLogin = "code" in error && error.code === "EAUTH";
  const account: AccountErrorCode =
    isLogin && code >= 500
      ? "credentials_invalid"
      : code === 552 && /5\.2\.2|quota|full/i.test(said)
        ? "over_quota"
        : code === 552 || code === 523
          ? "message_too_big"
          : code >= 500
            ? "send_failed"
            : "unavailable";
  const isUnanswered = account === "unavailable" && code === 0 && !isNotConnected(error);
  return isUnanswered
    ? new UnansweredError(said, { cause: error })
    : new AccountError(account, said, { cause: error });
}

/** Then nothing was handed over. */
function isNotConnected(error: Error): boolean {
  const inner = error.cause instanceof Error ? error.cause : error;
  const isRefused = "syscall" in inner && (inner.syscall === "connect" || inner.syscall === "getaddrinfo");
  return isRefused || ("code" in error && (error.code === "EDNS" || error.code === "ETLS"));
}
