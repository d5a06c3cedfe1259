/**
 * The text of a message that TEXT, BODY and HEADER look at, decoded and folded: the one definition that both the index
 * and the scan use, so that they can not disagree.
 *
 * Header: every field of the top header as `Name: value`, unfolded, encoded words decoded. Body: every text part
 * decoded (markup removed from text/html), and the header fields of every part below the top, so that file names and
 * embedded messages are found.
 */
import { decodeHeader } from "../mime/encoded-word.ts";
import { HeaderScanner } from "../mime/headers.ts";
import { parseStructure } from "../mime/structure.ts";
import type { PartNode } from "../mime/summary.ts";
import { partText } from "../mime/text.ts";
import { fold } from "./fold.ts";

/** Of one text part; what lies behind is not searchable. */
export const MAX_PART_BYTES = 16 * 1024 * 1024;

export interface SearchableText {
  readonly header: string;
  /** One entry a part; a query never spans two of them. */
  readonly body: readonly string[];
}

export function searchableText(bytes: Buffer): SearchableText {
  const root = parseStructure(bytes);
  return { header: headerText(bytes, root), body: bodyTexts(bytes, root) };
}

function headerText(bytes: Buffer, part: PartNode): string {
  const scanner = new HeaderScanner(bytes, part.headerStart, part.bodyStart);
  const lines: string[] = [];
  while (scanner.next()) lines.push(`${scanner.name()}: ${decodeHeader(scanner.value())}`);
  return fold(lines.join("\n"));
}

function bodyTexts(bytes: Buffer, root: PartNode): string[] {
  const texts: string[] = [];
  const stack: PartNode[] = [root];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    if (part !== root && part.bodyStart > part.headerStart) texts.push(headerText(bytes, part));
    if (part.type === "text") texts.push(fold(partText(bytes, part, MAX_PART_BYTES)));
    for (let index = part.children.length - 1; index >= 0; index--) stack.push(part.children[index]!);
  }
  return texts;
}

/** The scan: does the message match? `value` folded already, `field` in lower case. */
export function matches(
  bytes: Buffer,
  kind: "text" | "body" | "header",
  field: string,
  value: string,
): boolean {
  if (kind === "header") return fieldMatches(bytes, field, value);
  if (value === "") return true;
  const root = parseStructure(bytes);
  if (kind === "text" && headerText(bytes, root).includes(value)) return true;
  return bodyTexts(bytes, root).some((text) => text.includes(value));
}

function fieldMatches(bytes: Buffer, field: string, value: string): boolean {
  const scanner = new HeaderScanner(bytes, 0, bytes.length);
  while (scanner.next()) {
    if (scanner.nameEnd - scanner.start !== field.length || scanner.name().toLowerCase() !== field) continue;
    if (value === "" || fold(decodeHeader(scanner.value())).includes(value)) return true;
  }
  return false;
}
