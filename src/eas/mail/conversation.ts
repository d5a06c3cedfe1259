/** ConversationId and ConversationIndex: MS-ASEMAIL §2.2.2.22, §2.2.2.23; the Thread-Index of MS-OXOMSG §2.2.1.3. */
import { createHash } from "node:crypto";
import type { MessageSummary } from "../../mime/summary.ts";

const ID_BYTES = 16;
/** FILETIME counts 100 ns since 1601. */
const FILETIME_EPOCH_MS = 11_644_473_600_000;

/**
 * The thread id behind eight zero bytes, so that it can be found again. Where the server knows no threads, a hash of the
 * message that began the conversation as far as References tell.
 */
export function conversationId(threadId: string, summary: MessageSummary): Buffer {
  const id = Buffer.alloc(ID_BYTES);
  if (/^[0-9a-f]{16}$/i.test(threadId)) {
    id.write(threadId, ID_BYTES - 8, "hex");
    return id;
  }
  createHash("sha1").update(conversationStart(summary).text).digest().copy(id, 0, 0, ID_BYTES);
  // Never to be taken for a thread id.
  id[0] = id[0]! | 0x80;
  return id;
}

export interface ConversationStart {
  readonly by: "message" | "subject";
  readonly text: string;
}

/** The Message-ID with which the conversation began; the base subject of a message that has none and answers none. */
export function conversationStart({ references, messageId, baseSubject }: MessageSummary): ConversationStart {
  const first = references[0] ?? messageId;
  return first === "" ? { by: "subject", text: baseSubject } : { by: "message", text: first };
}

/** What `MailQuery.conversation` wants: the thread id in it, else all of it in hexadecimal. Undefined for what is none of ours. */
export function conversationKey(conversation: Buffer): string | undefined {
  if (conversation.length !== ID_BYTES) return undefined;
  const isThreadId = conversation.readBigUInt64BE(0) === 0n;
  return conversation.toString("hex", isThreadId ? ID_BYTES - 8 : 0);
}

/** Five bytes of the time of the first message, then five for each reply, where the sender's mailer wrote them. */
export function conversationIndex(threadIndex: string, atMs: number): Buffer {
  const sent = threadIndex === "" ? EMPTY : Buffer.from(threadIndex.slice(0, MAX_INDEX_CHARACTERS), "base64");
  if (sent.length >= HEADER_BYTES && (sent.length - HEADER_BYTES) % 5 === 0) {
    return Buffer.concat([sent.subarray(1, 6), sent.subarray(HEADER_BYTES)]);
  }
  const filetime = Buffer.alloc(8);
  filetime.writeBigUInt64BE(BigInt(Math.max(0, Math.round(atMs + FILETIME_EPOCH_MS))) * 10_000n);
  return filetime.subarray(1, 6);
}
/** One reserved byte, five of time, sixteen of an id. */
const HEADER_BYTES = 22;
const MAX_INDEX_CHARACTERS = 4_000;
const EMPTY = Buffer.alloc(0);
