/** Strings with `${…}`: variables (RFC 5229 §3, at run time) and encoded-character (RFC 5228 §2.4.2.4, at compile time). */
import { SieveSyntaxError, type Position } from "./errors.ts";
import type { Run } from "./run.ts";

/** A string argument: the same text every time, or one that is made from variables when it is used. */
export type Template = (run: Run) => string;

const VARIABLE = /\$\{(?:([A-Za-z_][A-Za-z0-9_.]*)|(\d{1,9}))\}/g;
/** encoded-arb-octets, those that follow each other together since one character may take several; encoded-unicode-char. */
const ENCODED =
  /(?:\$\{hex:\s*(?:[0-9a-f]{1,2}\s+)*[0-9a-f]{1,2}\s*\})+|\$\{unicode:(\s*(?:[0-9a-f]+\s+)*[0-9a-f]+\s*)\}/gi;
const HEX = /\$\{hex:([^}]*)\}/gi;

export function compileTemplate(text: string, variables: boolean): Template {
  if (!variables || !text.includes("${")) return () => text;
  const pieces: (string | { name: string } | { match: number })[] = [];
  let from = 0;
  for (const found of text.matchAll(VARIABLE)) {
    pieces.push(text.slice(from, found.index));
    pieces.push(found[1] === undefined ? { match: Number(found[2]) } : { name: found[1].toLowerCase() });
    from = found.index + found[0].length;
  }
  pieces.push(text.slice(from));
  return (run) =>
    pieces
      .map((piece) => {
        if (typeof piece === "string") return piece;
        if ("match" in piece) return run.matches[piece.match] ?? "";
        return run.variable(piece.name.replace(/^global\./, ""));
      })
      .join("");
}

/** @throws SieveSyntaxError for a character outside Unicode (RFC 5228 §2.4.2.4) */
export function decodeEncodedCharacters(text: string, position: Position): string {
  if (!text.includes("${")) return text;
  return text.replace(ENCODED, (whole, unicode: string | undefined) => {
    if (unicode === undefined) {
      const octets = [...whole.matchAll(HEX)].flatMap(([, words = ""]) => words.trim().split(/\s+/));
      return Buffer.from(octets.map((octet) => Number.parseInt(octet, 16))).toString("utf8");
    }
    const words = unicode.trim().split(/\s+/);
    return words
      .map((word) => {
        const code = Number.parseInt(word, 16);
        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
          throw new SieveSyntaxError(position, `${word} is not a Unicode character`);
        }
        return String.fromCodePoint(code);
      })
      .join("");
  });
}
