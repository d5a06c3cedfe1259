/** The parts of a message with what their headers say: names, dispositions, content ids (RFC 2045, RFC 2183, RFC 2392). */
import { decodeExtendedValue, decodeHeader } from "../../mime/encoded-word.ts";
import { HeaderScanner } from "../../mime/headers.ts";
import { parameter, parseParameterized, type Parameterized } from "../../mime/parameters.ts";
import type { PartNode } from "../../mime/summary.ts";
import type { MessageBytes } from "./message-source.ts";

export interface MailPart {
  readonly node: PartNode;
  /** Child numbers from the top, counted from 1: "2.1"; "" = the message itself. Part of a FileReference. */
  readonly path: string;
  readonly contentType: Parameterized | undefined;
  /** Lower case; "" = none. */
  readonly disposition: string;
  /** Decoded; "" = none. */
  readonly fileName: string;
  /** Without angle brackets; "" = none. */
  readonly contentId: string;
  readonly contentLocation: string;
  readonly description: string;
  readonly children: readonly MailPart[];
}

/** Of the headers of one part, what is looked at. */
const MAX_PART_HEADER_BYTES = 64 * 1024;
/** Parts of one message that are looked at; what a person can see of such a message is among the first. */
const MAX_SHOWN_PARTS = 500;
const MAX_NAME_CHARACTERS = 255;

export async function readParts(source: MessageBytes): Promise<MailPart> {
  let count = 0;
  // Depth is bounded by the parser of the structure.
  const read = async (node: PartNode, path: string): Promise<MailPart> => {
    count += 1;
    const end = Math.min(node.bodyStart, node.headerStart + MAX_PART_HEADER_BYTES);
    const facts = partFacts(await source.read(node.headerStart, end));
    const children: MailPart[] = [];
    for (const [index, child] of node.children.entries()) {
      if (count >= MAX_SHOWN_PARTS) break;
      children.push(await read(child, path === "" ? String(index + 1) : `${path}.${index + 1}`));
    }
    return { node, path, ...facts, children };
  };
  return read(source.root, "");
}

type PartFacts = Omit<MailPart, "node" | "path" | "children">;

function partFacts(header: Buffer): PartFacts {
  const scanner = new HeaderScanner(header, 0, header.length);
  let contentType: Parameterized | undefined;
  let disposition: Parameterized | undefined;
  let contentId = "";
  let contentLocation = "";
  let description = "";
  while (scanner.next()) {
    // Only Content-… matters, and most fields are something else.
    if (scanner.nameEnd - scanner.start < 10 || (header[scanner.start]! | 32) !== 99) continue;
    switch (scanner.name().toLowerCase()) {
      case "content-type":
        contentType ??= parseParameterized(scanner.value());
        break;
      case "content-disposition":
        disposition ??= parseParameterized(scanner.value());
        break;
      case "content-id":
        contentId = scanner
          .value()
          .replace(/^[\s<]+|[\s>]+$/g, "")
          .slice(0, MAX_NAME_CHARACTERS);
        break;
      case "content-location":
        contentLocation = decodeHeader(scanner.value()).slice(0, MAX_NAME_CHARACTERS);
        break;
      case "content-description":
        description = decodeHeader(scanner.value()).slice(0, MAX_NAME_CHARACTERS);
        break;
      default:
    }
  }
  return {
    contentType,
    disposition: disposition?.value.toLowerCase() ?? "",
    fileName: cleanName(namedIn(disposition, "filename") ?? namedIn(contentType, "name") ?? ""),
    contentId,
    contentLocation,
    description,
  };
}

/** RFC 2231 first, then the encoded words that RFC 2047 forbids here and everybody sends. */
function namedIn(field: Parameterized | undefined, name: string): string | undefined {
  if (field === undefined) return undefined;
  const extended = parameter(field.parameters, `${name}*`);
  if (extended !== undefined) return decodeExtendedValue(extended);
  const plain = parameter(field.parameters, name);
  return plain === undefined || plain === "" ? undefined : decodeHeader(plain);
}

/** A name for a file: no folders, nothing invisible. */
function cleanName(name: string): string {
  const last = name.slice(Math.max(name.lastIndexOf("/"), name.lastIndexOf("\\")) + 1);
  return last
    .replace(/\p{Cc}+/gu, " ")
    .trim()
    .slice(-MAX_NAME_CHARACTERS);
}

export function findPart(root: MailPart, path: string): MailPart | undefined {
  let part: MailPart | undefined = root;
  if (path === "") return root;
  for (const number of path.split(".")) part = part?.children[Number(number) - 1];
  return part;
}
