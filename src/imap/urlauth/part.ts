/** The bytes a URL names in a mailbox that the caller may read. */
import { toUid, type Uid } from "../../base/numbers.ts";
import type { MessageSummary } from "../../mime/summary.ts";
import { StoreError } from "../../store/errors.ts";
import type { Mailbox, MailboxId } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { Reader } from "../codec/reader.ts";
import type { ByteRange } from "../fetch/item.ts";
import { readSection, sectionBytes, sectionRange, type Section } from "../fetch/section.ts";
import { ImapRefusal } from "../refusal.ts";
import type { ImapUrl, UrlPartial } from "./url.ts";

/** What is read at once of a long part. */
const CHUNK_BYTES = 256 * 1024;

export interface UrlPart {
  readonly store: Store;
  readonly mailbox: MailboxId;
  readonly uid: Uid;
  readonly summary: MessageSummary;
  readonly section: Section;
  /** Before `partial`. */
  readonly range: ByteRange;
  readonly partial: UrlPartial | undefined;
}

/** Undefined when there is no such message or part. */
export async function findUrlPart(
  store: Store,
  mailbox: Mailbox,
  url: ImapUrl,
): Promise<UrlPart | undefined> {
  if (url.uidValidity !== undefined && url.uidValidity !== mailbox.uidValidity) return undefined;
  const section = parseSection(url.section);
  if (section === undefined) return undefined;
  const uid = toUid(url.uid);
  const view = await store.open(mailbox.id);
  try {
    if (view.indexOf(uid) < 0) return undefined;
    const [found] = store.readSummaries(mailbox.id, [uid]);
    const range = found === undefined ? undefined : sectionRange(section, found.summary);
    if (found === undefined || range === undefined) return undefined;
    const { summary } = found;
    return { store, mailbox: mailbox.id, uid, summary, section, range, partial: url.partial };
  } finally {
    view.release();
  }
}

/** Bytes of the part in order, a bounded piece at a time; undefined in place of the first when it is gone meanwhile. */
export async function* partChunks(part: UrlPart): AsyncGenerator<Buffer | undefined> {
  if (part.section.fields.length > 0) {
    const header = await readBytes(part, part.range);
    yield header && cut(sectionBytes(part.section, header), part.partial);
    return;
  }
  const { start, end } = partialRange(part);
  for (let at = start; at === start || at < end; at += CHUNK_BYTES) {
    yield readBytes(part, { start: at, end: Math.min(at + CHUNK_BYTES, end) });
  }
}

/** All at once; undefined when it is gone meanwhile. */
export async function readPart(part: UrlPart): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of partChunks(part)) {
    if (chunk === undefined) return undefined;
    chunks.push(chunk);
  }
  return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
}

/** Any range of the message. */
export async function readBytes(part: UrlPart, { start, end }: ByteRange): Promise<Buffer | undefined> {
  if (end <= start) return Buffer.alloc(0);
  try {
    return await part.store.readBody(part.mailbox, part.uid, { offset: start, length: end - start });
  } catch (error) {
    if (error instanceof StoreError && error.code === "message_not_found") return undefined;
    throw error;
  }
}

/** Decoded or filtered bytes are cut afterwards. */
export function cut(bytes: Buffer, partial: UrlPartial | undefined): Buffer {
  if (partial === undefined) return bytes;
  const { offset, length } = partial;
  return bytes.subarray(offset, length === undefined ? undefined : offset + length);
}

export function partialRange({ range, partial }: UrlPart): ByteRange {
  if (partial === undefined) return range;
  const start = Math.min(range.start + partial.offset, range.end);
  return { start, end: Math.min(start + (partial.length ?? Infinity), range.end) };
}

function parseSection(text: string): Section | undefined {
  try {
    const reader = new Reader({ text: Buffer.from(`${text}]`, "utf8"), literals: [] });
    const section = readSection(reader);
    return reader.atEnd ? section : undefined;
  } catch (error) {
    if (error instanceof ImapRefusal) return undefined;
    throw error;
  }
}
