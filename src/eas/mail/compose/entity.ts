/** Writes MIME entities (RFC 2045, RFC 2046): text in two forms, what is shown in it, and attachments beside it. */
import { encodeQuotedPrintable } from "../../../mime/build.ts";

export interface Content {
  /** At least one of both. */
  readonly plain: string | undefined;
  readonly html: string | undefined;
  /** Rendered entities that the HTML refers to. */
  readonly inline: readonly Buffer[];
  /** Rendered entities. */
  readonly attachments: readonly Buffer[];
}

export interface FileContent {
  readonly name: string;
  /** `application/octet-stream` when unknown. */
  readonly contentType: string;
  readonly bytes: Buffer;
  /** "" = none. */
  readonly contentId: string;
  readonly inline: boolean;
}

/** Header fields of the content (Content-Type …) and the body. `boundary` gives another one each time. */
export function renderContent(content: Content, boundary: () => string): Buffer {
  const { plain, html, inline, attachments } = content;
  const texts: Buffer[] = [];
  if (plain !== undefined || html === undefined) texts.push(renderText("plain", plain ?? ""));
  if (html !== undefined) texts.push(renderText("html", html));
  let entity = texts.length === 1 ? texts[0]! : multipart("alternative", texts, boundary());
  if (inline.length > 0) entity = multipart("related", [entity, ...inline], boundary());
  if (attachments.length > 0) entity = multipart("mixed", [entity, ...attachments], boundary());
  return entity;
}

function multipart(subtype: string, parts: readonly Buffer[], boundary: string): Buffer {
  const pieces: Buffer[] = [
    Buffer.from(`Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\n`),
  ];
  for (const part of parts) pieces.push(Buffer.from(`--${boundary}\r\n`), part, CRLF);
  pieces.push(Buffer.from(`--${boundary}--\r\n`));
  return Buffer.concat(pieces);
}
const CRLF = Buffer.from("\r\n");

function renderText(subtype: "plain" | "html", text: string): Buffer {
  const bytes = Buffer.from(text.replace(/\r\n|\r|\n/g, "\r\n"));
  const head = `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: `;
  const latin1 = bytes.toString("latin1");
  if (/^[\t\r\n\x20-\x7e]*$/.test(latin1) && !/[^\n]{998}/.test(latin1)) {
    return Buffer.concat([Buffer.from(`${head}7bit\r\n\r\n`), bytes]);
  }
  // What is mostly not ASCII is shorter in base64.
  const special = bytes.reduce((count, octet) => (octet > 0x7e ? count + 1 : count), 0);
  return special * 5 > bytes.length
    ? Buffer.concat([Buffer.from(`${head}base64\r\n\r\n`), base64Lines(bytes)])
    : Buffer.from(`${head}quoted-printable\r\n\r\n${encodeQuotedPrintable(bytes)}`);
}

export function renderFile({ name, contentType, bytes, contentId, inline }: FileContent): Buffer {
  const type = /^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(contentType)
    ? contentType
    : "application/octet-stream";
  const file = fileNameParameter("filename", name);
  let head = `Content-Type: ${type};\r\n${fileNameParameter("name", name)}\r\n`;
  head += `Content-Disposition: ${inline ? "inline" : "attachment"};\r\n${file}\r\n`;
  const id = contentId.replace(/[<>\s\p{Cc}]/gu, "");
  if (id !== "") head += `Content-ID: <${id}>\r\n`;
  // RFC 2046 §5.2.1: mail in mail is not encoded.
  if (type === "message/rfc822") {
    return Buffer.concat([Buffer.from(`${head}Content-Transfer-Encoding: 8bit\r\n\r\n`), bytes]);
  }
  return Buffer.concat([Buffer.from(`${head}Content-Transfer-Encoding: base64\r\n\r\n`), base64Lines(bytes)]);
}

function base64Lines(bytes: Buffer): Buffer {
  return Buffer.from(bytes.toString("base64").replace(/.{1,76}/g, "$&\r\n"), "latin1");
}

/** RFC 2231 §4 where the name is not plain ASCII. */
function fileNameParameter(parameter: string, name: string): string {
  const clean = name.replace(/\p{Cc}+/gu, " ").slice(0, 255);
  if (/^[\x20-\x7e]*$/.test(clean)) return ` ${parameter}="${clean.replace(/["\\]/g, "\\$&")}"`;
  const encoded = encodeURIComponent(clean.toWellFormed()).replace(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return ` ${parameter}*=utf-8''${encoded}`;
}
