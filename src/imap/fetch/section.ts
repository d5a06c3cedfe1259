/**
 * `section` of RFC 9051 §6.4.5.1: which bytes of a message `[1.2.MIME]`, `[HEADER.FIELDS (DATE)]` … name.
 *
 * section-spec = section-msgtext / (section-part ["." section-text])
 */
import { selectFields } from "../../mime/headers.ts";
import type { MessageSummary, PartNode } from "../../mime/summary.ts";
import { writeAstring } from "../codec/writer.ts";
import type { Reader } from "../codec/reader.ts";
import type { Output } from "../../wire/output.ts";
import { bad } from "../refusal.ts";
import type { ByteRange } from "./item.ts";

export type SectionText = "" | "HEADER" | "TEXT" | "MIME" | "HEADER.FIELDS" | "HEADER.FIELDS.NOT";

export interface Section {
  readonly part: readonly number[];
  readonly text: SectionText;
  /** As the client wrote them: they are repeated in the answer. */
  readonly fields: readonly string[];
}

/** Deeper part numbers than any message has. */
const MAX_PART_DEPTH = 200;

/** From after "[" to after "]". */
export function readSection(reader: Reader): Section {
  const part: number[] = [];
  let text: SectionText = "";
  const fields: string[] = [];
  if (!reader.peekIs("]")) {
    let more = true;
    while (more && isDigit(reader.peek())) {
      part.push(reader.nzNumber());
      if (part.length > MAX_PART_DEPTH) throw bad("Section nested too deep");
      more = reader.skip(".");
    }
    if (more) {
      const word = reader.word();
      if (!isSectionText(word)) throw bad(`Unknown section "${word}"`);
      if (word === "MIME" && part.length === 0) throw bad("MIME needs a part number");
      text = word;
      if (text.startsWith("HEADER.FIELDS")) {
        fields.push(...reader.sp().list((item) => item.astring()));
        if (fields.length === 0) throw bad("No header fields named");
      }
    }
  }
  reader.expect("]");
  return { part, text, fields };
}

export function writeSection(out: Output, section: Section): void {
  let text = section.part.join(".");
  if (section.text !== "") text += (text === "" ? "" : ".") + section.text;
  out.ascii(text);
  if (section.fields.length === 0) return;
  out.ascii(" (");
  section.fields.forEach((field, index) => {
    if (index > 0) out.ascii(" ");
    writeAstring(out, field);
  });
  out.ascii(")");
}

/** The bytes a section is made of (for HEADER.FIELDS the whole header); undefined when the message has no such part. */
export function sectionRange(section: Section, summary: MessageSummary): ByteRange | undefined {
  const { root } = summary;
  if (section.part.length === 0) {
    switch (section.text) {
      case "":
        return { start: 0, end: summary.sizeBytes };
      case "TEXT":
        return { start: root.bodyStart, end: summary.sizeBytes };
      default:
        return { start: root.headerStart, end: root.bodyStart };
    }
  }
  const node = findPart(root, section.part);
  if (node === undefined) return undefined;
  if (section.text === "") return { start: node.bodyStart, end: node.bodyEnd };
  if (section.text === "MIME") return { start: node.headerStart, end: node.bodyStart };
  // Only of an embedded message (RFC 9051 §6.4.5.1).
  const message = node.type === "message" ? node.children[0] : undefined;
  if (message === undefined) return undefined;
  return section.text === "TEXT"
    ? { start: message.bodyStart, end: message.bodyEnd }
    : { start: message.headerStart, end: message.bodyStart };
}

/** Bytes of the section from the bytes of its range. */
export function sectionBytes(section: Section, bytes: Buffer): Buffer {
  if (section.fields.length === 0) return bytes;
  const names = new Set(section.fields.map((field) => field.toLowerCase()));
  return selectFields(bytes, 0, bytes.length, names, section.text === "HEADER.FIELDS.NOT");
}

/**
 * Part 1 of a message that is no multipart is its body; below a message/rfc822 part the numbers count the parts of the
 * message in it.
 */
export function findPart(root: PartNode, part: readonly number[]): PartNode | undefined {
  let node: PartNode | undefined = root;
  // Whether `node` stands for a whole message: then "1" of a single-part one is the message's own body.
  let isMessage = true;
  for (const number of part) {
    if (node?.type === "message" && !isMessage) {
      node = node.children[0];
      isMessage = true;
    }
    if (node === undefined) return undefined;
    if (node.type === "multipart") {
      node = node.children[number - 1];
      isMessage = false;
    } else if (isMessage && number === 1) isMessage = false;
    else return undefined;
  }
  return node;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isSectionText(word: string): word is SectionText {
  return ["HEADER", "TEXT", "MIME", "HEADER.FIELDS", "HEADER.FIELDS.NOT"].includes(word);
}
