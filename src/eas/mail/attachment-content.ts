/** The bytes of an attachment, decoded; the last ones are kept, since devices fetch large ones in ranges. */
import { Lru } from "../../base/lru.ts";
import { decodeTransfer } from "../../mime/transfer.ts";
import type { MailItem } from "../account/port.ts";
import { contentTypeOf } from "./attachments.ts";
import { MessageSource } from "./message-source.ts";
import { findPart, readParts } from "./part.ts";

export interface AttachmentContent {
  readonly contentType: string;
  readonly bytes: Buffer;
}

const MAX_KEPT = 64;
const MAX_KEPT_BYTES = 32 * 1024 * 1024;

export class AttachmentContents {
  readonly #kept = new Lru<string, AttachmentContent>({
    maxEntries: MAX_KEPT,
    maxSize: MAX_KEPT_BYTES,
    sizeOf: ({ bytes }) => bytes.length,
  });

  /** Undefined when the message has no such part. */
  async read(item: MailItem, path: string): Promise<AttachmentContent | undefined> {
    const key = `${item.contentKey}:${path}`;
    const kept = item.contentKey === "" ? undefined : this.#kept.get(key);
    if (kept !== undefined) return kept;
    const source = new MessageSource(item);
    const part = findPart(await readParts(source), path);
    if (part === undefined || part.node.type === "multipart") return undefined;
    const { bodyStart, bodyEnd, encoding } = part.node;
    const body = await source.read(bodyStart, bodyEnd);
    const content = { contentType: contentTypeOf(part), bytes: decodeTransfer(body, encoding) };
    if (item.contentKey !== "") this.#kept.set(key, content);
    return content;
  }
}
