/** The text of a message in the form that is asked for, converted where the sender gave only the other one. */
import { isAscii } from "node:buffer";
import { decodeCharset } from "../../mime/charset.ts";
import { decodeTransfer } from "../../mime/transfer.ts";
import type { HtmlConverter } from "./html-converter.ts";
import type { Layout, TextPiece } from "./layout.ts";
import type { MessageBytes } from "./message-source.ts";
import type { MailPart } from "./part.ts";
import { textToHtml, textToHtmlFragment, unflow } from "./plain-text.ts";
import { uniqueHtml, uniquePlain } from "./unique-part.ts";

/** Of one text part; what lies behind is not shown. */
const MAX_TEXT_BYTES = 16 * 1024 * 1024;
/** Text pieces of one message that are shown. */
const MAX_PIECES = 50;
/** Where a charset is declared inside of HTML (HTML §4.2.5.4 asks for the first 1,024 bytes). */
const META_BYTES = 2048;

/** 1 plain, 2 HTML: MS-ASAIRS §2.2.2.32. */
export function nativeBodyType(layout: Layout): 1 | 2 {
  return layout.text.some((piece) => piece.html !== undefined) ? 2 : 1;
}

export async function plainText(
  source: MessageBytes,
  layout: Layout,
  converter: HtmlConverter,
): Promise<string> {
  const texts: string[] = [];
  for (const { plain, html } of layout.text.slice(0, MAX_PIECES)) {
    for (const part of plain ?? html ?? []) {
      const text = await partText(source, part);
      texts.push(
        part.node.subtype === "html" ? await converter.toText(text, keyOf(source, part)) : unflow(text, part),
      );
    }
  }
  return texts.length === 1 ? texts[0]! : texts.join("\r\n");
}

export async function htmlText(
  source: MessageBytes,
  layout: Layout,
  converter: HtmlConverter,
): Promise<string> {
  const pieces = layout.text.slice(0, MAX_PIECES);
  const only = onlyPlain(pieces);
  if (only !== undefined) return textToHtml(unflow(await partText(source, only), only));
  const texts: string[] = [];
  for (const { plain, html } of pieces) {
    for (const part of html ?? plain ?? []) {
      const text = await partText(source, part);
      texts.push(
        part.node.subtype === "html"
          ? await converter.clean(text, keyOf(source, part))
          : textToHtmlFragment(unflow(text, part)),
      );
    }
  }
  return texts.join("\r\n");
}

/** As HTML, without what is quoted. */
export async function uniqueText(
  source: MessageBytes,
  layout: Layout,
  converter: HtmlConverter,
): Promise<string> {
  const only = onlyPlain(layout.text.slice(0, MAX_PIECES));
  return only === undefined
    ? uniqueHtml(await htmlText(source, layout, converter))
    : textToHtml(uniquePlain(unflow(await partText(source, only), only)));
}

function onlyPlain(pieces: readonly TextPiece[]): MailPart | undefined {
  const [first] = pieces;
  if (pieces.length !== 1 || first?.html !== undefined || first?.plain?.length !== 1) return undefined;
  return first.plain[0];
}

/** Decoded text of one part, markup included. */
export async function partText(source: MessageBytes, { node }: MailPart): Promise<string> {
  const body = await source.read(node.bodyStart, Math.min(node.bodyEnd, node.bodyStart + MAX_TEXT_BYTES));
  const bytes = decodeTransfer(body, node.encoding);
  if (node.subtype === "html" && (node.charset === "us-ascii" || node.charset === "") && !isAscii(bytes)) {
    const declared = /<meta[^>]{0,200}charset\s*=\s*["']?([\w.:-]{2,40})/i.exec(
      bytes.toString("latin1", 0, META_BYTES),
    );
    if (declared !== null) return decodeCharset(bytes, declared[1]!);
  }
  return decodeCharset(bytes, node.charset);
}

function keyOf(source: MessageBytes, part: MailPart): string {
  const { contentKey } = source;
  return contentKey === "" ? "" : `${contentKey}:${part.path}`;
}
