/**
 * A Sieve script as a message of the mailbox `#sieve`, as Cyrus 3.6 writes it, so that scripts replicate and move like
 * mail: Subject is the name, Content-Disposition names a file `<id>.sieve` with an id that survives every change.
 */
import { headerEnd, fieldValues } from "../mime/headers.ts";
import { headerLine } from "../mime/build.ts";
import { printDateHeader } from "../mime/date.ts";
import { decodeHeader } from "../mime/encoded-word.ts";
import { parameter, parseParameterized } from "../mime/parameters.ts";

export interface ScriptMessage {
  readonly name: string;
  /** 24 letters and digits. */
  readonly id: string;
  /** UTF-8, line ends as uploaded. */
  readonly content: Buffer;
}

export interface ScriptOrigin {
  /** Address of the owner. */
  readonly from: string;
  readonly messageId: string;
  readonly atMs: number;
}

export function printScriptMessage(script: ScriptMessage, origin: ScriptOrigin): Buffer {
  const head =
    `From: <${origin.from}>\r\n` +
    headerLine("Subject", script.name) +
    `Date: ${printDateHeader(origin.atMs)}\r\nMessage-ID: <${origin.messageId}>\r\n` +
    `Content-Type: application/sieve; charset=utf-8\r\nContent-Length: ${script.content.length}\r\n` +
    `Content-Disposition: attachment;\r\n\tfilename="${script.id}.sieve"\r\nMIME-Version: 1.0\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), script.content]);
}

/** Whatever stands in the mailbox: a message without a name gets the id as name. */
export function parseScriptMessage(bytes: Buffer): ScriptMessage {
  const end = headerEnd(bytes);
  const disposition = parseParameterized(fieldValues(bytes, 0, end, "content-disposition")[0] ?? "");
  const id = (parameter(disposition.parameters, "filename") ?? "").replace(/\.sieve$/, "");
  const name = decodeHeader(fieldValues(bytes, 0, end, "subject")[0] ?? "");
  return { name: name === "" ? id : name, id, content: bytes.subarray(end) };
}
