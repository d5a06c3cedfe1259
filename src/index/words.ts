/**
 * Words: maximal runs of anything but white space. A query without white space is a substring of a text exactly when it
 * is a substring of one of its words, so the vocabulary answers it (addresses and URLs included) without reading
 * messages. Any other query is split at white space into pieces that must all be there (a superset, to be verified).
 *
 * Two exceptions keep the vocabulary small. Scripts without spaces (Han, Kana) are stored as pairs of neighbours; a run
 * longer than MAX_WORD is stored as overlapping windows, so that every substring of up to MAX_PIECE lies within one.
 */

export const MAX_WORD = 64;
export const MAX_PIECE = 32;

const SEPARATOR = 0;
const SOLID = 1;
const PAIRED = 2;

/** Class of every UTF-16 unit. Surrogates are solid: characters beyond the first plane need no classes of their own. */
const CLASSES = classTable();

function classTable(): Uint8Array {
  const classes = new Uint8Array(0x10000);
  // Control characters separate too: "\n" ends a word in the vocabulary.
  const separator = /[\s\p{Cc}]/u;
  for (let unit = 0; unit < 0x10000; unit++) {
    if (unit >= 0xd800 && unit <= 0xdfff) classes[unit] = SOLID;
    else if ((unit >= 0x2e80 && unit <= 0x9fff) || (unit >= 0xf900 && unit <= 0xfaff)) classes[unit] = PAIRED;
    else if (!separator.test(String.fromCharCode(unit))) classes[unit] = SOLID;
  }
  return classes;
}

/** Calls `take` with where every word of a folded text begins and ends, repetitions included. */
export function eachWord(text: string, take: (start: number, end: number) => void): void {
  const { length } = text;
  let at = 0;
  while (at < length) {
    const kind = CLASSES[text.charCodeAt(at)];
    if (kind === SEPARATOR) {
      at++;
      continue;
    }
    const start = at;
    while (at < length && CLASSES[text.charCodeAt(at)] === kind) at++;
    if (kind === PAIRED) {
      if (at - start === 1) take(start, at);
      for (let pair = start; pair + 1 < at; pair++) take(pair, pair + 2);
    } else if (at - start <= MAX_WORD) {
      take(start, at);
    } else {
      for (let window = start; ; window += MAX_PIECE) {
        take(window, Math.min(window + MAX_WORD, at));
        if (window + MAX_WORD >= at) break;
      }
    }
  }
}

export interface Piece {
  readonly text: string;
  /** The word must begin (end) with it: a separator stands there in the query. */
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

export interface Plan {
  /** All must be found in a message; none = the index can not narrow the query. */
  readonly pieces: readonly Piece[];
  /** Finding the (single) piece is finding the query. */
  readonly exact: boolean;
}

/** More do not narrow any further. */
const MAX_PIECES = 16;

/** `value` is folded. */
export function planQuery(value: string): Plan {
  const pieces: Piece[] = [];
  let exact = true;
  let at = 0;
  while (at < value.length) {
    const kind = CLASSES[value.charCodeAt(at)];
    const start = at;
    while (at < value.length && CLASSES[value.charCodeAt(at)] === kind) at++;
    if (kind === SEPARATOR) {
      exact = false;
      continue;
    }
    const before = start > 0;
    const after = at < value.length;
    const length = at - start;
    if (kind === PAIRED) {
      if (length <= 2) pieces.push({ text: value.slice(start, at), atStart: false, atEnd: false });
      else exact = false;
      if (length > 2) {
        for (let pair = start; pair + 1 < at; pair++) {
          pieces.push({ text: value.slice(pair, pair + 2), atStart: false, atEnd: false });
        }
      }
    } else if (length <= MAX_PIECE) {
      // A windowed word has its true beginning and end in its first and last window, so both anchors hold there too.
      pieces.push({ text: value.slice(start, at), atStart: before, atEnd: after });
    } else {
      exact = false;
      const head = value.slice(
        start,
        start + MAX_PIECE - (isHighSurrogate(value, start + MAX_PIECE - 1) ? 1 : 0),
      );
      const tail = value.slice(at - MAX_PIECE + (isHighSurrogate(value, at - MAX_PIECE - 1) ? 1 : 0), at);
      pieces.push(
        { text: head, atStart: before, atEnd: false },
        { text: tail, atStart: false, atEnd: after },
      );
    }
  }
  if (pieces.length !== 1) exact = false;
  // Long pieces first: they match fewest words.
  const sorted = pieces.sort((a, b) => b.text.length - a.text.length).slice(0, MAX_PIECES);
  return { pieces: sorted, exact };
}

function isHighSurrogate(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdbff;
}
