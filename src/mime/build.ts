/**
 * A small writer of messages: demo mail, delivery reports, notices. Lines end in CRLF, header lines stay below 78
 * characters where they can be folded, text is sent as 7bit, quoted-printable or base64, whichever is least.
 */
import { encodeHeader } from "./encoded-word.ts";

export interface NewPart {
  /** `text/plain`, `message/delivery-status` …, with parameters if any; text gets `charset=utf-8` by itself. */
  readonly type: string;
  /** Text is encoded as needed; octets as base64, except in message/… where encoding is forbidden (RFC 2046 §5.2). */
  readonly content: string | Buffer;
  readonly fileName?: string;
  readonly inline?: boolean;
}

export interface NewMail {
  /** In order; values are Unicode and are encoded where the field allows it. A value must not hold line breaks. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** One part = the body itself; several = multipart. */
  readonly parts: readonly NewPart[];
  /** `multipart/…` subtype with parameters; "mixed" when absent. */
  readonly multipart?: string;
  /** Separates the parts: chance comes from the caller, so that the same input makes the same mail. */
  readonly boundary: string;
}

export function buildMail(mail: NewMail): Buffer {
  const lines: string[] = mail.headers.map(([name, value]) => headerLine(name, value));
  lines.push("MIME-Version: 1.0\r\n");
  const head = Buffer.from(lines.join(""));
  const only = mail.parts[0];
  if (mail.parts.length === 1 && only !== undefined) return Buffer.concat([head, ...renderPart(only)]);
  const pieces: Buffer[] = [
    head,
    Buffer.from(`Content-Type: multipart/${mail.multipart ?? "mixed"}; boundary="${mail.boundary}"\r\n\r\n`),
  ];
  for (const part of mail.parts)
    pieces.push(Buffer.from(`--${mail.boundary}\r\n`), ...renderPart(part), CRLF);
  pieces.push(Buffer.from(`--${mail.boundary}--\r\n`));
  return Buffer.concat(pieces);
}

const CRLF = Buffer.from("\r\n");
/** Fields that hold addresses: only display names may be encoded (RFC 2047 §5). */
const ADDRESS_FIELDS = new Set(["from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to"]);
const FOLD_COLUMN = 78;

/** One folded header line with its CRLF. Line breaks in a value would be header injection: they become spaces. */
export function headerLine(name: string, value: string): string {
  const flat = value.replace(/[\r\n\0]+/g, " ");
  const encoded = ADDRESS_FIELDS.has(name.toLowerCase()) ? encodeAddresses(flat) : encodeHeader(flat);
  let line = `${name}:`;
  let text = "";
  for (const word of encoded.split(" ")) {
    if (line.length + 1 + word.length > FOLD_COLUMN && line.trim() !== "" && line !== `${name}:`) {
      text += `${line}\r\n`;
      line = "";
    }
    line += ` ${word}`;
  }
  return `${text}${line}\r\n`;
}

/** `Jürgen Müller <j@example.test>, …`: encodes what stands before each angle bracket. */
function encodeAddresses(value: string): string {
  if (/^[\x20-\x7e]*$/.test(value)) return value;
  return value.replace(/([^,<]+)(?=<)/g, (name) => {
    const plain = name.trim().replace(/^"(.*)"$/, "$1");
    return `${name.startsWith(" ") ? " " : ""}${encodeHeader(plain)} `;
  });
}

function renderPart(part: NewPart): Buffer[] {
  const isText = part.type.startsWith("text/");
  const charset = isText && !/charset=/i.test(part.type) ? "; charset=utf-8" : "";
  const bytes = typeof part.content === "string" ? Buffer.from(withCrlf(part.content)) : part.content;
  const encoding = chooseEncoding(part, bytes);
  let head = `Content-Type: ${part.type}${charset}\r\nContent-Transfer-Encoding: ${encoding}\r\n`;
  if (part.fileName !== undefined) {
    head += `Content-Disposition: ${part.inline === true ? "inline" : "attachment"};\r\n${fileNameParameter(part.fileName)}\r\n`;
  } else if (part.inline === true) head += "Content-Disposition: inline\r\n";
  return [Buffer.from(`${head}\r\n`), encodeBody(bytes, encoding)];
}

type BodyEncoding = "7bit" | "8bit" | "quoted-printable" | "base64";

function chooseEncoding(part: NewPart, bytes: Buffer): BodyEncoding {
  const text = bytes.toString("latin1");
  const isPlain = /^[\t\r\n\x20-\x7e]*$/.test(text) && !/[^\n]{999}/.test(text);
  if (part.type.startsWith("message/") || part.type.startsWith("multipart/"))
    return isPlain ? "7bit" : "8bit";
  if (typeof part.content !== "string") return "base64";
  if (isPlain) return "7bit";
  const special = text.replace(/[\t\r\n\x20-\x7e]/g, "").length;
  return special * 3 > text.length ? "base64" : "quoted-printable";
}

function encodeBody(bytes: Buffer, encoding: BodyEncoding): Buffer {
  if (encoding === "base64") return Buffer.from(bytes.toString("base64").replace(/.{1,76}/g, "$&\r\n"));
  if (encoding === "quoted-printable") return Buffer.from(encodeQuotedPrintable(bytes));
  return bytes;
}

/** RFC 2045 §6.7; lines of at most 76 characters. */
export function encodeQuotedPrintable(bytes: Buffer): string {
  const lines = bytes
    .toString("latin1")
    .split("\r\n")
    .map((line) => {
      const encoded = line
        .replace(/[^\t\x20-\x3c\x3e-\x7e]/g, (char) => hex(char))
        .replace(/[\t ]$/, (char) => hex(char));
      return encoded.length <= 76
        ? encoded
        : encoded.replace(/(?:=[0-9A-F]{2}|[^=]){73,75}(?=.)/g, "$&=\r\n");
    });
  return lines.join("\r\n");
}

function hex(char: string): string {
  return `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
}

/** RFC 2231 where the name is not plain ASCII; mailers of all ages read the `filename*` form. */
function fileNameParameter(name: string): string {
  if (/^[\x20-\x7e]*$/.test(name)) return ` filename="${name.replace(/["\\]/g, "\\$&")}"`;
  const encoded = encodeURIComponent(name).replace(/['()*]/g, hexPercent);
  return ` filename*=utf-8''${encoded}`;
}

function hexPercent(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
}

function withCrlf(text: string): string {
  return text.replace(/\r?\n/g, "\r\n");
}
