/** The text of a message: its text parts decoded, for search and for the preview of RFC 8970. */
import { decodeCharset } from "./charset.ts";
import { htmlToText } from "./html-text.ts";
import type { PartNode } from "./summary.ts";
import { decodeTransfer } from "./transfer.ts";

/** RFC 8970 §3: at most 200 characters, which count code points here. */
const MAX_PREVIEW_CHARACTERS = 200;
/** Of an encoded text part, what is looked at for the preview. */
const MAX_PREVIEW_PLAIN_BYTES = 4 * 1024;
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

function collapse(text: string): string {
  // The cut may have split a character at the end: that is far behind the 200 kept.
  const start = text.length > 4_000 ? text.slice(0, 4_000) : text;
  const flat = start.replace(/[\s\u0000-\u001f\u007f\u00ad\u200b-\u200f\u2060\ufeff]+/g, " ").trim();
  if (flat.length <= MAX_PREVIEW_CHARACTERS) return flat;
  const cut = flat.slice(0, MAX_PREVIEW_CHARACTERS * 2);
  return cut.length <= MAX_PREVIEW_CHARACTERS
    ? cut
    : Array.from(cut).slice(0, MAX_PREVIEW_CHARACTERS).join("");
}
