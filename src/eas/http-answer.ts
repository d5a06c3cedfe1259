/** What a command answers, as HTTP: MS-ASHTTP §2.2.2, multipart of MS-ASCMD §2.2.1.10.1. */
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { EasAnswer } from "./command.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** To be called when the answer was written to the connection whole. */
  readonly delivered?: () => void;
}

export const WBXML_TYPE = "application/vnd.ms-sync.wbxml";
export const MULTIPART_TYPE = "application/vnd.ms-sync.multipart";
const NOTHING = Buffer.alloc(0);

export function toHttp(answer: EasAnswer): HttpAnswer {
  switch (answer.kind) {
    case "wbxml":
      return { status: 200, headers: { "Content-Type": WBXML_TYPE }, body: answer.bytes };
    case "empty":
      return {
        status: 200,
        headers: {},
        body: NOTHING,
        ...(answer.delivered !== undefined && { delivered: answer.delivered }),
      };
    case "bytes":
      return { status: 200, headers: { "Content-Type": answer.contentType }, body: answer.bytes };
    case "multipart":
      return {
        status: 200,
        headers: { "Content-Type": MULTIPART_TYPE },
        body: multipart([answer.bytes, ...answer.parts]),
      };
    case "http": {
      const { status, headers = {}, text = "" } = answer;
      if (text === "") return { status, headers, body: NOTHING };
      const body = Buffer.from(`${text}\n`, "utf8");
      return { status, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" }, body };
    }
    default:
      return answer satisfies never;
  }
}

/**
 * Layout: count, count × (offset, length), parts; all numbers 32 bits, least significant byte first; offsets from the
 * start.
 */
function multipart(parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(4 + parts.length * 8);
  head.writeUInt32LE(parts.length, 0);
  let offset = head.length;
  for (const [index, part] of parts.entries()) {
    head.writeUInt32LE(offset, 4 + index * 8);
    head.writeUInt32LE(part.length, 8 + index * 8);
    offset += part.length;
  }
  return Buffer.concat([head, ...parts]);
}

/** The other direction. Undefined when the layout is not kept. */
export function parseMultipart(bytes: Buffer): Buffer[] | undefined {
  if (bytes.length < 4) return undefined;
  const count = bytes.readUInt32LE(0);
  if (count > (bytes.length - 4) / 8) return undefined;
  const parts: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = bytes.readUInt32LE(4 + index * 8);
    const end = start + bytes.readUInt32LE(8 + index * 8);
    if (end > bytes.length) return undefined;
    parts.push(bytes.subarray(start, end));
  }
  return parts;
}

/** Smaller answers fit into one packet anyway. */
const MIN_GZIP_BYTES = 1024;
/** Mail text shrinks to a third at the lowest level; more costs more time than a phone's network wins. */
const GZIP_LEVEL = 1;
const compress = promisify(gzip);

/** Compresses in a thread of its own when the client takes gzip. Images and archives stay as they are. */
export async function compressed(answer: HttpAnswer, acceptEncoding: string): Promise<HttpAnswer> {
  if (
    answer.body.length < MIN_GZIP_BYTES ||
    !/(?:^|[,\s])gzip(?![^,]*;\s*q=0(?:\.0*)?\s*(?:,|$))/i.test(acceptEncoding)
  ) {
    return answer;
  }
  const type = answer.headers["Content-Type"] ?? "";
  if (type !== WBXML_TYPE && type !== MULTIPART_TYPE && !type.startsWith("text/")) return answer;
  const body = await compress(answer.body, { level: GZIP_LEVEL });
  return {
    ...answer,
    headers: { ...answer.headers, "Content-Encoding": "gzip", Vary: "Accept-Encoding" },
    body,
  };
}
