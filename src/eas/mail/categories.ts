/**
 * Categories as IMAP keywords. A keyword is an atom (RFC 9051 §2.3.2), a category any text: other characters are written
 * as `=XX` of their UTF-8 octets. Keywords that begin with `$`, and those that mail programs set by themselves, mean
 * something else and are not shown.
 */
const MAX_CATEGORIES = 300;
const MAX_KEYWORD_CHARACTERS = 255;
const PROGRAM_KEYWORDS = new Set([
  "nonjunk",
  "junk",
  "notjunk",
  "forwarded",
  "mdnsent",
  "redirected",
  "old",
  "unread",
]);

export function categoriesOf(keywords: readonly string[]): readonly string[] {
  return keywords.filter(isCategory).slice(0, MAX_CATEGORIES).map(toCategory);
}

export function isCategory(keyword: string): boolean {
  return !keyword.startsWith("$") && !PROGRAM_KEYWORDS.has(keyword.toLowerCase());
}

/** Undefined when it cannot be kept: empty or too long. */
export function toKeyword(category: string): string | undefined {
  const keyword = category
    .trim()
    .normalize("NFC")
    .replace(/^\$|[^A-Za-z0-9!#$&'+,\-./:;<>?@^_`|~]/gu, (character) =>
      Array.from(
        Buffer.from(character),
        (octet) => `=${octet.toString(16).toUpperCase().padStart(2, "0")}`,
      ).join(""),
    );
  const written = PROGRAM_KEYWORDS.has(keyword.toLowerCase())
    ? keyword.replace(/^./, (first) => `=${first.charCodeAt(0).toString(16).toUpperCase()}`)
    : keyword;
  return written === "" || written.length > MAX_KEYWORD_CHARACTERS ? undefined : written;
}

function toCategory(keyword: string): string {
  if (!/=[0-9A-F]{2}/.test(keyword)) return keyword;
  const octets = keyword.replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(octets, "latin1").toString("utf8");
}
