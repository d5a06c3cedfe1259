/**
 * The bytes of a message as its conversion needs them: a small one is read once and kept, of a large one only the pieces
 * that are asked for.
 */
import { parseStructure } from "../../mime/structure.ts";
import type { PartNode } from "../../mime/summary.ts";
import type { MailItem } from "../account/port.ts";

/** A message whose parts are looked at. */
export interface MessageBytes {
  readonly root: PartNode;
  /** The same for the same bytes; "" = unknown. */
  readonly contentKey: string;
  /** Bytes [start, end), clipped to the message. */
  read(start: number, end: number): Promise<Buffer>;
}

export function messageInMemory(bytes: Buffer): MessageBytes {
  return {
    root: parseStructure(bytes),
    contentKey: "",
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
  };
}

/** Up to here one read of everything is cheaper than several of pieces. */
const WHOLE_READ_BYTES = 64 * 1024;
/** What is read at first of a larger message: nearly always its whole header, and often the text too. */
const FIRST_READ_BYTES = 32 * 1024;

export class MessageSource implements MessageBytes {
  readonly item: MailItem;
  #head: Promise<Buffer> | undefined;

  constructor(item: MailItem) {
    this.item = item;
  }

  get root(): PartNode {
    return this.item.summary.root;
  }
  get contentKey(): string {
    return this.item.contentKey;
  }

  async read(start: number, end: number): Promise<Buffer> {
    const { item } = this;
    const clipped = Math.min(end, item.sizeBytes);
    if (clipped <= start) return EMPTY;
    const headEnd = item.sizeBytes <= WHOLE_READ_BYTES ? item.sizeBytes : FIRST_READ_BYTES;
    if (clipped > headEnd) return item.read(start, clipped);
    this.#head ??= item.read(0, headEnd);
    return (await this.#head).subarray(start, clipped);
  }
}

const EMPTY = Buffer.alloc(0);
