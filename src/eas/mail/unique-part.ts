/**
 * What somebody wrote himself, without the messages that he quotes: MS-ASAIRS §2.2.2.10 (BodyPart), MS-ASCON §2.2.2.1.
 * Mailers mark quotations in few ways; what is not recognized stays. A message that is nothing but a quotation stays whole.
 */

/** Elements that hold a quotation: Thunderbird and Apple, Gmail, Thunderbird's line above it, Yahoo. */
const QUOTING =
  /<(blockquote|div)\b(?=[^>]*\s(?:type="?cite"?|class="[^"]*\b(?:gmail_quote|moz-cite-prefix|yahoo_quoted)\b))[^>]*>/gi;
/** From here on everything is quoted: Outlook's header of the original, on the web and as a program, and as plain text. */
const REST =
  /<div\b[^>]*\s(?:id="(?:divRplyFwdMsg|appendonsend|mail-editor-reference-message-container)"|style="[^"]*border-top:\s*solid\s+#(?:e1e1e1|b5c4df)\b)|-----\s?(?:Original Message|Urspr\u00fcngliche Nachricht|Message d'origine)\s?-----/i;
/** Between a quotation and the line that names its author. */
const MAX_LINES_BETWEEN = 2;
/** Quotations that are taken out; in a document with more the others stay. */
const MAX_QUOTATIONS = 200;

export function uniqueHtml(html: string): string {
  let kept = "";
  let from = 0;
  QUOTING.lastIndex = 0;
  for (let count = 0; count < MAX_QUOTATIONS; count++) {
    const match = QUOTING.exec(html);
    if (match === null) break;
    kept += html.slice(from, match.index);
    from = endOf(html, match[1]!.toLowerCase(), QUOTING.lastIndex);
    QUOTING.lastIndex = from;
  }
  kept += html.slice(from);
  const rest = REST.exec(kept);
  const unique = rest === null ? kept : kept.slice(0, rest.index);
  return isBlank(unique) ? html : unique;
}

/** Behind the end tag of an element whose content starts at `from`; the end of the text when there is none. */
function endOf(html: string, name: string, from: number): number {
  const tags = new RegExp(`<(/?)${name}\\b[^>]*>`, "gi");
  tags.lastIndex = from;
  for (let depth = 1; ;) {
    const match = tags.exec(html);
    if (match === null) return html.length;
    depth += match[1] === "/" ? -1 : 1;
    if (depth === 0) return tags.lastIndex;
  }
}

function isBlank(html: string): boolean {
  if (/<img\b/i.test(html)) return false;
  const text = html.replace(/<style\b[^>]*>[^<]*<\/style>|<title\b[^>]*>[^<]*<\/title>|<[^>]*>/gi, "");
  return /^(?:\s|&nbsp;|&#160;)*$/.test(text);
}

/** Lines with `>` go, and the line above them that says whose they are. */
export function uniquePlain(text: string): string {
  const kept: string[] = [];
  for (const line of text.split("\n")) {
    if (!line.startsWith(">")) kept.push(line);
    else dropAttribution(kept);
  }
  const all = kept.join("\n");
  const rest = REST.exec(all);
  const unique = rest === null ? all : all.slice(0, rest.index);
  return unique.trim() === "" ? text : unique;
}

/** `On 1 May Ann wrote:`, in any language. */
function dropAttribution(kept: string[]): void {
  let at = kept.length - 1;
  const lowest = Math.max(0, at - MAX_LINES_BETWEEN);
  while (at >= lowest && kept[at]!.trim() === "") at--;
  if (at >= lowest && /[\d@].*[:\uff1a]\s*$/.test(kept[at]!)) kept.length = at;
}
