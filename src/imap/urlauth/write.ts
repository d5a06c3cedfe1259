/** What URLFETCH writes of a part: its bytes, its decoded bytes, its structure (RFC 5524 §3.2). */
import { renderBodyStructure } from "../../mime/body-structure.ts";
import { parseStructure } from "../../mime/structure.ts";
import { decodeTransfer, transferEncodingOf } from "../../mime/transfer.ts";
import type { PartNode } from "../../mime/summary.ts";
import type { Output } from "../../wire/output.ts";
import { writeLiteral, writeLiteral8 } from "../codec/writer.ts";
import { findPart } from "../fetch/section.ts";
import type { Session } from "../session.ts";
import { cut, partChunks, partialRange, readBytes, readPart, type UrlPart } from "./part.ts";

const PARAMETERS = ["BODY", "BINARY", "BODYPARTSTRUCTURE"] as const;
export type UrlParameter = (typeof PARAMETERS)[number];

export function isUrlParameter(name: string): name is UrlParameter {
  return (PARAMETERS as readonly string[]).includes(name);
}

export async function writeParameter(
  session: Session,
  part: UrlPart,
  parameter: UrlParameter,
): Promise<void> {
  const { out } = session;
  switch (parameter) {
    case "BODY":
      await writeUrlBody(session, part, out);
      break;
    case "BINARY": {
      const bytes = await decodedPart(part);
      if (bytes === undefined) out.ascii("NIL");
      else if (bytes.includes(0)) writeLiteral8(out, bytes);
      else writeLiteral(out, bytes);
      break;
    }
    case "BODYPARTSTRUCTURE": {
      const structure = await structureOf(part);
      if (structure === undefined) out.ascii("NIL");
      else out.bytes(structure);
      break;
    }
  }
}

/** A long part goes out as it is read, never faster than the client reads. */
export async function writeUrlBody(session: Session, part: UrlPart, out: Output): Promise<void> {
  if (part.section.fields.length > 0) {
    const bytes = await readPart(part);
    if (bytes === undefined) out.ascii("NIL");
    else writeLiteral(out, bytes);
    return;
  }
  const { start, end } = partialRange(part);
  let begun = false;
  for await (const chunk of partChunks(part)) {
    if (session.ended) return;
    if (chunk === undefined) {
      // Nothing can be taken back once the length was told.
      if (begun) throw new Error("a message was removed while URLFETCH read it");
      out.ascii("NIL");
      return;
    }
    if (!begun) {
      out
        .ascii("{")
        .number(end - start)
        .ascii("}\r\n");
    }
    begun = true;
    out.bytes(chunk);
    const pause = session.pause();
    if (pause !== undefined) await pause;
  }
}

/** Undefined when the encoding is not known (NIL: RFC 5524 §3.2). */
async function decodedPart(part: UrlPart): Promise<Buffer | undefined> {
  const node = nodeOf(part);
  if (node === undefined || node.type === "multipart" || node.type === "message") return readPart(part);
  if (transferEncodingOf(node.encoding) === undefined) return undefined;
  const bytes = await readBytes(part, part.range);
  return bytes && cut(decodeTransfer(bytes, node.encoding), part.partial);
}

/** The part a section without HEADER, TEXT or MIME names. */
function nodeOf({ section, summary }: UrlPart): PartNode | undefined {
  return section.text === "" && section.part.length > 0 ? findPart(summary.root, section.part) : undefined;
}

async function structureOf(part: UrlPart): Promise<Buffer | undefined> {
  if (part.section.text !== "") return undefined;
  const node = nodeOf(part);
  if (node === undefined) return part.summary.bodyStructure;
  // Its own header and body read like a message of its own.
  const bytes = await readBytes(part, { start: node.headerStart, end: node.bodyEnd });
  return bytes && Buffer.from(renderBodyStructure(parseStructure(bytes), true), "latin1");
}
