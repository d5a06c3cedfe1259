/**
 * The text of a message that SEARCH TEXT, BODY and HEADER look at, decoded and folded: the one definition that both the
 * index and a scan use, so that they can not disagree.
 *
 * Header: every field of the top header as `Name: value`, unfolded, encoded words decoded. Body: every text part
 * decoded, with the markup of text/html removed (what a reader sees), and the header fields of every part below the
 * top, so that file names and embedded messages are found.
 */
import { decodeHeader } from "./encoded-word.ts";
import { fold } from "./fold.ts";
import { HeaderScanner } from "./headers.ts";
import { parseStructure } from "./structure.ts";
import type { PartNode } from "./summary.ts";
import { partText } from "./text.ts";

/** Of one text part; what lies behind is not searchable. */
export const MAX_SEARCHABLE_PART_BYTES = 16 * 1024 * 1024;

export interface SearchableText {
  readonly header: string;
  /** One entry a part; a query never spans two of them. */
  readonly body: readonly string[];
}

export function searchableText(bytes: Buffer): SearchableText {
  const root = parseStructure(bytes);
  return { header: foldedHeader(bytes, root), body: Array.from(bodyTexts(bytes, root)) };
}

/** BODY: does a text of the body hold `needle`, which is folded already? */
export function bodyContains(bytes: Buffer, root: PartNode, needle: string): boolean {
  if (needle === "") return true;
  for (const text of bodyTexts(bytes, root)) if (text.includes(needle)) return true;
  return false;
}

/** TEXT: the same for header and body. */
export function messageContains(bytes: Buffer, root: PartNode, needle: string): boolean {
  return needle === "" || foldedHeader(bytes, root).includes(needle) || bodyContains(bytes, root, needle);
}

/** HEADER: a field of that name (lower case) that holds `needle`; the empty one asks whether the field is there. */
export function fieldContains(bytes: Buffer, field: string, needle: string): boolean {
  const scanner = new HeaderScanner(bytes, 0, bytes.length);
  while (scanner.next()) {
    if (scanner.nameEnd - scanner.start !== field.length || scanner.name().toLowerCase() !== field) continue;
    if (needle === "" || fold(decodeHeader(scanner.value())).includes(needle)) return true;
  }
  return false;
}

function foldedHeader(bytes: Buffer, part: PartNode): string {
  const scanner = new HeaderScanner(bytes, part.headerStart, part.bodyStart);
  const lines: string[] = [];
  while (scanner.next()) lines.push(`${scanner.name()}: ${decodeHeader(scanner.value())}`);
  return fold(lines.join("\n"));
}

function* bodyTexts(bytes: Buffer, root: PartNode): Iterable<string> {
  const stack: PartNode[] = [root];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    if (part !== root && part.bodyStart > part.headerStart) yield foldedHeader(bytes, part);
    if (part.type === "text") yield fold(partText(bytes, part, MAX_SEARCHABLE_PART_BYTES));
    for (let index = part.children.length - 1; index >= 0; index--) stack.push(part.children[index]!);
  }
}
