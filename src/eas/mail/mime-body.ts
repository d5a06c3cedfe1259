/**
 * A message as the text of a body of type 4 (MIME): MS-ASAIRS §2.2.2.41. WBXML strings are UTF-8, mail need not be: parts
 * with other octets are encoded as base64, which changes nothing of what they say. Signed and encrypted mail is 7-bit by
 * its rules (RFC 8551 §3.1.2) and passes as it is.
 */
import { isUtf8 } from "node:buffer";
import { decodeUnlabelled } from "../../mime/charset.ts";
import type { PartNode } from "../../mime/summary.ts";

const BINARY = new Set(["7bit", "8bit", "binary", ""]);

export function mimeAsUtf8(bytes: Buffer, root: PartNode): Buffer {
  if (isText(bytes)) return bytes;
  const pieces: Buffer[] = [];
  let at = 0;
  const copyTo = (end: number): void => {
    if (end <= at) return;
    const piece = bytes.subarray(at, end);
    pieces.push(isText(piece) ? piece : withoutControls(Buffer.from(decodeUnlabelled(piece), "utf8")));
    at = end;
  };
  for (const leaf of leaves(root)) {
    if (leaf.bodyStart < at || !BINARY.has(leaf.encoding)) continue;
    const body = bytes.subarray(leaf.bodyStart, leaf.bodyEnd);
    if (isText(body)) continue;
    copyTo(leaf.headerStart);
    pieces.push(base64Header(bytes.subarray(leaf.headerStart, leaf.bodyStart)), wrapBase64(body));
    at = Math.max(leaf.bodyEnd, at);
  }
  copyTo(bytes.length);
  return Buffer.concat(pieces);
}

function* leaves(root: PartNode): Iterable<PartNode> {
  const stack = [root];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    if (part.children.length === 0) yield part;
    for (let index = part.children.length - 1; index >= 0; index--) stack.push(part.children[index]!);
  }
}

/** The header with its Content-Transfer-Encoding replaced. */
function base64Header(header: Buffer): Buffer {
  const text = decodeUnlabelled(header).replace(/\r?\n/g, "\r\n");
  const kept = text.replace(/^content-transfer-encoding[ \t]*:.*\r\n(?:[ \t].*\r\n)*/gim, "");
  const end = kept.endsWith("\r\n\r\n") ? kept.slice(0, -2) : kept === "\r\n" ? "" : kept;
  return withoutControls(Buffer.from(`${end}Content-Transfer-Encoding: base64\r\n\r\n`));
}

function wrapBase64(body: Buffer): Buffer {
  return Buffer.from(body.toString("base64").replace(/.{1,76}/g, "$&\r\n"));
}

/** Bytes that a WBXML string can hold as they are. */
function isText(bytes: Buffer): boolean {
  return isUtf8(bytes) && !CONTROLS.test(bytes.toString("latin1"));
}
const CONTROLS = /[\0-\x08\x0b\x0c\x0e-\x1f]/;

function withoutControls(bytes: Buffer): Buffer {
  return isText(bytes)
    ? bytes
    : Buffer.from(bytes.toString("utf8").replace(new RegExp(CONTROLS.source, "g"), ""));
}
