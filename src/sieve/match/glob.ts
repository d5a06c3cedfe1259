/**
 * `:matches`: RFC 5228 §2.7.1, with the values that RFC 5229 §3.2 stores: `*` takes as little as possible.
 * Time is at most pattern × text; nothing backtracks further than the last star.
 */

/** A wildcard pattern: literal characters, `?` and `*`. */
type Piece =
  | { readonly kind: "char"; readonly char: string }
  | { readonly kind: "one" }
  | { readonly kind: "many" };

export type Glob = readonly Piece[];

/** `\` takes the next character literally. */
export function parseGlob(pattern: string): Glob {
  const pieces: Piece[] = [];
  const chars = Array.from(pattern);
  for (let at = 0; at < chars.length; at += 1) {
    const char = chars[at]!;
    if (char === "*") pieces.push({ kind: "many" });
    else if (char === "?") pieces.push({ kind: "one" });
    else if (char === "\\" && at + 1 < chars.length) pieces.push({ kind: "char", char: chars[(at += 1)]! });
    else pieces.push({ kind: "char", char });
  }
  return pieces;
}

/** Text taken by each wildcard, in order, or undefined when the whole text does not match. `original` gives them unfolded. */
export function matchGlob(glob: Glob, text: string, original: string): readonly string[] | undefined {
  const chars = Array.from(text);
  const starts: number[] = [];
  const ends: number[] = [];
  let piece = 0;
  let at = 0;
  let retry: { piece: number; at: number; captures: number } | undefined;
  for (;;) {
    const wanted = glob[piece];
    if (wanted?.kind === "many") {
      starts.push(at);
      ends.push(at);
      retry = { piece, at, captures: starts.length };
      piece += 1;
      continue;
    }
    if (wanted === undefined && at === chars.length) break;
    if (wanted !== undefined && at < chars.length && (wanted.kind === "one" || wanted.char === chars[at])) {
      if (wanted.kind === "one") {
        starts.push(at);
        ends.push(at + 1);
      }
      piece += 1;
      at += 1;
      continue;
    }
    if (retry === undefined || retry.at >= chars.length) return undefined;
    retry.at += 1;
    starts.length = ends.length = retry.captures;
    ends[retry.captures - 1] = retry.at;
    piece = retry.piece + 1;
    at = retry.at;
  }
  const source = Array.from(original);
  const values = source.length === chars.length ? source : chars;
  return starts.map((start, index) => values.slice(start, ends[index]).join(""));
}
