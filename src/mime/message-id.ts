/** Message identifiers for threading: RFC 5322 §3.6.4, compared as RFC 5256 (THREAD=REFERENCES) asks. */

/** Newest that count; a thread deeper than this hangs on its newest ancestors. */
export const MAX_REFERENCES = 500;

const MESSAGE_ID = /<([^<>]+)>/g;

/** The ids in a References, In-Reply-To or Message-ID value, without angle brackets, in order. */
export function messageIds(value: string | undefined): string[] {
  if (value === undefined || value === "") return [];
  const ids: string[] = [];
  for (const match of value.matchAll(MESSAGE_ID)) {
    const id = normalize(match[1]!);
    if (id !== "") ids.push(id);
  }
  return ids.length > MAX_REFERENCES ? ids.slice(-MAX_REFERENCES) : ids;
}

/** A longer one is compared as it stands: finding its quotes could take quadratic time. */
const MAX_QUOTED_ID_CHARACTERS = 1_000;

/** White space goes; `"quoted"@x` is the same as `quoted@x` (RFC 5256, "normalize"). */
function normalize(id: string): string {
  const text = /\s/.test(id) ? id.replace(/\s+/g, "") : id;
  return text.indexOf('"') < 0 || text.length > MAX_QUOTED_ID_CHARACTERS
    ? text
    : text.replace(/"((?:[^"\\]|\\.)*)"/g, (_, inner: string) => inner.replace(/\\(.)/g, "$1"));
}
