/** The readable text of HTML for search and previews: one pass, no tree, linear in the input whatever it holds. */

/** Elements whose content is never shown. */
const HIDDEN = new Set(["script", "style", "head", "title", "noscript", "template"]);
/** Inline elements: nothing separates the text before and after their tags. */
const INLINE = new Set([
  "a",
  "abbr",
  "b",
  "bdi",
  "bdo",
  "big",
  "cite",
  "code",
  "del",
  "dfn",
  "em",
  "font",
  "i",
  "ins",
  "kbd",
  "mark",
  "q",
  "s",
  "samp",
  "small",
  "span",
  "strike",
  "strong",
  "sub",
  "sup",
  "tt",
  "u",
  "var",
  "wbr",
  "o:p",
]);

const ENTITIES = new Map<string, string>([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
  ["nbsp", " "],
  ["ensp", " "],
  ["emsp", " "],
  ["thinsp", " "],
  ["shy", ""],
  ["zwnj", ""],
  ["zwj", ""],
  ["hellip", "…"],
  ["mdash", "—"],
  ["ndash", "–"],
  ["lsquo", "‘"],
  ["rsquo", "’"],
  ["sbquo", "‚"],
  ["ldquo", "“"],
  ["rdquo", "”"],
  ["bdquo", "„"],
  ["laquo", "«"],
  ["raquo", "»"],
  ["bull", "•"],
  ["middot", "·"],
  ["copy", "©"],
  ["reg", "®"],
  ["trade", "™"],
  ["euro", "€"],
  ["pound", "£"],
  ["cent", "¢"],
  ["yen", "¥"],
  ["sect", "§"],
  ["para", "¶"],
  ["deg", "°"],
  ["plusmn", "±"],
  ["times", "×"],
  ["divide", "÷"],
  ["frac12", "½"],
  ["frac14", "¼"],
  ["sup2", "²"],
  ["sup3", "³"],
  ["micro", "µ"],
  ["iexcl", "¡"],
  ["iquest", "¿"],
  ["szlig", "ß"],
  ["aring", "å"],
  ["Aring", "Å"],
  ["aelig", "æ"],
  ["AElig", "Æ"],
  ["oslash", "ø"],
  ["Oslash", "Ø"],
  ["ccedil", "ç"],
  ["Ccedil", "Ç"],
  ["eth", "ð"],
  ["thorn", "þ"],
  ["oelig", "œ"],
]);

const MARKS: Readonly<Record<string, string>> = {
  acute: "\u0301",
  grave: "\u0300",
  circ: "\u0302",
  uml: "\u0308",
  tilde: "\u0303",
  caron: "\u030c",
};

/** `limit`: stop once that many characters of text are there (previews). White space is collapsed, blocks are apart. */
export function htmlToText(html: string, limit = Number.POSITIVE_INFINITY): string {
  const pieces: string[] = [];
  let length = 0;
  // Elements known to have no end tag in the rest: searching for it again and again would be quadratic.
  const endless = new Set<string>();
  let at = 0;
  while (at < html.length && length < limit) {
    const open = html.indexOf("<", at);
    const end = open < 0 ? html.length : open;
    if (end > at) {
      const text = decodeEntities(html.slice(at, end));
      pieces.push(text);
      length += text.length;
    }
    if (open < 0) break;
    at = afterTag(html, open, pieces, endless);
  }
  return pieces
    .join("")
    .replace(/[ \t\r\n\f\u00a0]+/g, " ")
    .trim();
}

/** Stands on "<": skips the tag, comment or hidden element; leaves a space behind unless the element is inline. */
function afterTag(html: string, open: number, pieces: string[], endless: Set<string>): number {
  if (html.startsWith("<!--", open)) {
    const end = html.indexOf("-->", open + 4);
    return end < 0 ? html.length : end + 3;
  }
  const next = html.charCodeAt(open + 1) | 32;
  const isTag =
    (next >= 97 && next <= 122) || html[open + 1] === "/" || html[open + 1] === "!" || html[open + 1] === "?";
  if (!isTag) {
    pieces.push("<");
    return open + 1;
  }
  let nameEnd = open + 1;
  const closing = html[nameEnd] === "/";
  if (closing) nameEnd++;
  const nameStart = nameEnd;
  while (nameEnd < html.length && nameEnd - nameStart < 20 && /[A-Za-z0-9:]/.test(html[nameEnd]!)) nameEnd++;
  const name = html.slice(nameStart, nameEnd).toLowerCase();
  const end = tagEnd(html, nameEnd);
  if (!INLINE.has(name)) pieces.push(" ");
  if (closing || !HIDDEN.has(name) || html[end - 2] === "/" || endless.has(name)) return end;
  // A head without its end would hide everything: it ends where the body begins.
  const close = new RegExp(name === "head" ? "</head|<body" : `</${name}`, "gi");
  close.lastIndex = end;
  const found = close.exec(html);
  if (found !== null) return found[0].startsWith("</") ? tagEnd(html, close.lastIndex) : found.index;
  endless.add(name);
  return name === "head" ? end : html.length;
}

/** After the ">" of a tag; one inside quoted attribute values does not count, unless the quote never ends. */
function tagEnd(html: string, from: number): number {
  let at = from;
  while (at < html.length) {
    const code = html.charCodeAt(at);
    if (code === 62) return at + 1;
    if ((code === 34 || code === 39) && html[at - 1] === "=") {
      const quote = html.indexOf(code === 34 ? '"' : "'", at + 1);
      // MAX_ATTRIBUTE_CHARACTERS keeps a stray quote from swallowing the document.
      if (quote > 0 && quote - at <= MAX_ATTRIBUTE_CHARACTERS) at = quote;
    } else if (code === 60) return at;
    at++;
  }
  return html.length;
}
const MAX_ATTRIBUTE_CHARACTERS = 64 * 1024;

/** `&amp;`, `&#8364;`, `&#x20ac;`, `&eacute;`; unknown ones stay as they are. */
function decodeEntities(text: string): string {
  if (text.indexOf("&") < 0) return text;
  return text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z][a-z0-9]{1,10});?/gi, (whole, name: string) => {
    if (name.startsWith("#")) {
      const code = /^#x/i.test(name)
        ? Number.parseInt(name.slice(2), 16)
        : Number.parseInt(name.slice(1), 10);
      if (code === 0xa0) return " ";
      return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff)
        ? String.fromCodePoint(code)
        : "\ufffd";
    }
    const known = ENTITIES.get(name) ?? ENTITIES.get(name.toLowerCase());
    if (known !== undefined) return known;
    const mark = MARKS[name.slice(1)];
    return mark === undefined ? whole : (name[0]! + mark).normalize("NFC");
  });
}
