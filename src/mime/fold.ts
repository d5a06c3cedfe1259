/**
 * Folding for comparison: case and compatibility forms, close to i;unicode-casemap (RFC 5051 §2), which decomposes
 * after mapping case. Text and query are folded alike, then compared as substrings.
 */
export function fold(text: string): string {
  return /[^\x00-\x7f]/.test(text) ? text.normalize("NFKD").toUpperCase() : text.toUpperCase();
}
