/** BINARY[…], BINARY.PEEK[…] and BINARY.SIZE[…]: RFC 3516, RFC 9051 §6.4.5: a part without its transfer encoding. */
import { decodeTransfer, transferEncodingOf } from "../../mime/transfer.ts";
import type { PartNode } from "../../mime/summary.ts";
import { writeLiteral, writeLiteral8 } from "../codec/writer.ts";
import type { Reader } from "../codec/reader.ts";
import { no } from "../refusal.ts";
import { readPartial, type Partial } from "./body.ts";
import type { FetchAttribute, FetchedMessage, FetchItem } from "./item.ts";
import { findPart } from "./section.ts";

/** "[" [section-part] "]". */
function readBinarySection(reader: Reader): number[] {
  const part: number[] = [];
  reader.expect("[");
  if (!reader.skip("]")) {
    do part.push(reader.nzNumber());
    while (reader.skip("."));
    reader.expect("]");
  }
  return part;
}

function nodeOf(part: readonly number[], message: FetchedMessage): PartNode | undefined {
  return findPart(message.summary.root, part);
}

/** The whole message for `[]`: nothing to decode then. */
function decoded(part: readonly number[], message: FetchedMessage): Buffer | undefined {
  if (part.length === 0) return message.slice(0, message.summary.sizeBytes);
  const node = nodeOf(part, message);
  if (node === undefined) return undefined;
  const bytes = message.slice(node.bodyStart, node.bodyEnd);
  if (node.type === "multipart" || node.type === "message") return bytes;
  return decodeTransfer(bytes, node.encoding);
}

/** RFC 3516 §4.3. */
function checkOf(part: readonly number[]): NonNullable<FetchItem["check"]> {
  return (message) => {
    const node = part.length === 0 ? undefined : nodeOf(part, message);
    if (node === undefined || node.type === "multipart" || node.type === "message") return;
    if (transferEncodingOf(node.encoding) !== undefined) return;
    throw no(`Unknown encoding "${node.encoding}"`, "UNKNOWN-CTE");
  };
}

function rangeOf(part: readonly number[]): NonNullable<FetchItem["range"]> {
  return (summary) => {
    if (part.length === 0) return { start: 0, end: summary.sizeBytes };
    const node = findPart(summary.root, part);
    return node === undefined ? undefined : { start: node.bodyStart, end: node.bodyEnd };
  };
}

function binaryItem(part: readonly number[], partial: Partial | undefined, setsSeen: boolean): FetchItem {
  return {
    needs: "summary",
    range: rangeOf(part),
    check: checkOf(part),
    setsSeen,
    write(out, message) {
      out.ascii(`BINARY[${part.join(".")}]${partial === undefined ? "" : `<${partial.start}>`} `);
      let bytes = decoded(part, message);
      if (bytes === undefined) {
        out.ascii("NIL");
        return;
      }
      if (partial !== undefined) bytes = bytes.subarray(partial.start, partial.start + partial.count);
      // literal8 only where it must be: clients read the other one better.
      if (bytes.includes(0)) writeLiteral8(out, bytes);
      else writeLiteral(out, bytes);
    },
  };
}

export const binaryAttributes: readonly FetchAttribute[] = [
  {
    name: "BINARY",
    parse: (reader) => binaryItem(readBinarySection(reader), readPartial(reader), true),
  },
  {
    name: "BINARY.PEEK",
    parse: (reader) => binaryItem(readBinarySection(reader), readPartial(reader), false),
  },
  {
    name: "BINARY.SIZE",
    parse(reader) {
      const part = readBinarySection(reader);
      return {
        needs: "summary",
        range: rangeOf(part),
        check: checkOf(part),
        write(out, message) {
          const size = decoded(part, message)?.length ?? 0;
          out.ascii(`BINARY.SIZE[${part.join(".")}] `).number(size);
        },
      };
    },
  },
];
