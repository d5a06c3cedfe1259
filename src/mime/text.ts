/** The text of a message: its text parts decoded, for search and for the preview of RFC 8970. */
import { decodeCharset } from "./charset.ts";
import { htmlToText } from "./html-text.ts";
import type { PartNode } from "./summary.ts";
import { decodeTransfer } from "./transfer.ts";

/** RFC 8970 §3: at most 200 characters, which count code points here. */
const MAX_PREVIEW_CHARACTERS = 200;
/** Of an encoded text part, what is looked at for the preview. */
const MAX_PREVIEW_PLAIN_BYTES = 2 * 1024;
const MAX_PREVIEW_HTML_BYTES = 64 * 1024;

/** Decoded text of one text part; markup removed from text/html. */
export function partText(bytes: Buffer, part: PartNode, maxBytes = Number.POSITIVE_INFINITY): string {
  const text = partSource(bytes, part, maxBytes);
  return part.subtype === "html" ? htmlToText(text) : text;
}

/** Decoded text of one text part as its author wrote it, markup included. */
export function partSource(bytes: Buffer, part: PartNode, maxBytes = Number.POSITIVE_INFINITY): string {
  const end = Math.min(part.bodyEnd, part.bodyStart + maxBytes);
  const body = bytes.subarray(part.bodyStart, end);
  return decodeCharset(decodeTransfer(body, part.encoding), part.charset);
}

/** Every text part, in order, embedded messages included; without recursion (depth is bounded, width is not ours). */
export function* textParts(root: PartNode): Iterable<PartNode> {
  const stack: PartNode[] = [root];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    if (part.type === "text") yield part;
    for (let index = part.children.length - 1; index >= 0; index--) stack.push(part.children[index]!);
  }
}

/** RFC 8970 §4: the beginning of the first text, white space collapsed; "" when there is none. */
export function previewOf(bytes: Buffer, root: PartNode): string {
  let html: PartNode | undefined;
  for (const part of textParts(root)) {
    if (part.subtype === "html") {
      html ??= part;
      continue;
    }
    if (part.subtype !== "plain") continue;
    const text = collapse(partSource(bytes, part, MAX_PREVIEW_PLAIN_BYTES));
    if (text !== "") return text;
  }
  if (html === undefined) return "";
  return collapse(htmlToText(partSource(bytes, html, MAX_PREVIEW_HTML_BYTES), MAX_PREVIEW_CHARACTERS * 4));
}

/** White space, control and invisible characters (newsletters pad with those) become one space; cut at the limit. */
function collapse(text: string): string {
  let flat = "";
  let codePoints = 0;
  let wordStart = -1;
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : 32;
    const invisible = code <= 32 || (code >= 0x7f && isInvisible(code));
    if (!invisible) {
      if (wordStart < 0) {
        wordStart = at;
        if (flat !== "") codePoints++;
      }
      // The second half of a surrogate pair is not another character.
      if (code < 0xdc00 || code > 0xdfff) codePoints++;
      if (codePoints <= MAX_PREVIEW_CHARACTERS) continue;
    }
    if (wordStart >= 0) {
      if (flat !== "") flat += " ";
      flat += text.slice(wordStart, at);
      wordStart = -1;
    }
    if (codePoints >= MAX_PREVIEW_CHARACTERS) break;
  }
  return flat.trimEnd();
}

function isInvisible(code: number): boolean {
  return (
    code <= 0xa0 ||
    code === 0xad ||
    code === 0x34f ||
    (code >= 0x2000 && code <= 0x200f) ||
    (code >= 0x2028 && code <= 0x202f) ||
    (code >= 0x205f && code <= 0x2060) ||
    code === 0x3000 ||
    code === 0xfeff
  );
}
