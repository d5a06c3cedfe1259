/**
 * A summary as bytes, to be kept per message. Made for reading: the ENVELOPE of a hundred thousand messages costs two
 * varints each; part tree and strings are decoded when they are asked for.
 *
 * Version 1. varint = LEB128, text = varint length + UTF-8:
 *   u8 version · u8 flags (1 reply or forward, 2 has a sent date) · varint size · varint n · n bytes ENVELOPE ·
 *   varint n · n bytes BODYSTRUCTURE · [f64 LE sent date in ms] · text × 8 (message id, base subject, sort from, sort
 *   to, sort cc, display from, display to, preview) · varint count, text × count (references) · parts in pre-order.
 *   part: varint headerStart, bodyStart − headerStart, bodyEnd − bodyStart, lines, children · word type, subtype,
 *   encoding, charset. word: u8 index into WORDS, or 255 and a text.
 * BODY is not stored: it is BODYSTRUCTURE without extension data.
 */
import { assert } from "../base/assert.ts";
import { stripExtensions } from "./strip-extensions.ts";
import type { MessageSummary, PartNode } from "./summary.ts";

const VERSION = 1;
const REPLY_OR_FORWARD = 1;
const HAS_SENT_DATE = 2;
const LITERAL_WORD = 255;

/** Order is part of the format: append only. */
const WORDS = [
  "",
  "text",
  "plain",
  "html",
  "multipart",
  "mixed",
  "alternative",
  "related",
  "application",
  "octet-stream",
  "image",
  "jpeg",
  "png",
  "gif",
  "message",
  "rfc822",
  "7bit",
  "8bit",
  "binary",
  "base64",
  "quoted-printable",
  "us-ascii",
  "utf-8",
  "iso-8859-1",
  "iso-8859-15",
  "windows-1252",
  "pdf",
  "calendar",
  "signed",
  "report",
  "delivery-status",
  "pgp-signature",
  "pkcs7-signature",
  "x-pkcs7-signature",
  "csv",
  "xml",
  "zip",
  "msword",
  "audio",
  "video",
  "iso-8859-2",
  "windows-1251",
  "koi8-r",
  "gb2312",
  "iso-2022-jp",
  "rfc822-headers",
  "vcard",
  "encrypted",
  "digest",
];
const WORD_INDEX = new Map(WORDS.map((word, index) => [word, index]));

/** @param before goes in front of it, both in memory that is shared with nothing else */
export function encodeSummary(summary: MessageSummary, before?: Buffer): Buffer {
  const writer = new Writer();
  if (before !== undefined) writer.bytes(before);
  writer.byte(VERSION);
  writer.byte(
    (summary.isReplyOrForward ? REPLY_OR_FORWARD : 0) |
      (summary.sentDateMs === undefined ? 0 : HAS_SENT_DATE),
  );
  writer.varint(summary.sizeBytes);
  writer.block(summary.envelope);
  writer.block(summary.bodyStructure);
  if (summary.sentDateMs !== undefined) writer.double(summary.sentDateMs);
  writer.text(summary.messageId);
  writer.text(summary.baseSubject);
  writer.text(summary.sortFrom);
  writer.text(summary.sortTo);
  writer.text(summary.sortCc);
  writer.text(summary.displayFrom);
  writer.text(summary.displayTo);
  writer.text(summary.preview);
  writer.varint(summary.references.length);
  for (const reference of summary.references) writer.text(reference);
  const stack: PartNode[] = [summary.root];
  for (let part = stack.pop(); part !== undefined; part = stack.pop()) {
    writer.varint(part.headerStart);
    writer.varint(part.bodyStart - part.headerStart);
    writer.varint(part.bodyEnd - part.bodyStart);
    writer.varint(part.lines);
    writer.varint(part.children.length);
    writer.word(part.type);
    writer.word(part.subtype);
    writer.word(part.encoding);
    writer.word(part.charset);
    for (let index = part.children.length - 1; index >= 0; index--) stack.push(part.children[index]!);
  }
  return writer.finish(before !== undefined);
}

/** `bytes` are kept, not copied: they must not change while the summary is in use. */
export function decodeSummary(bytes: Buffer): MessageSummary {
  assert(bytes[0] === VERSION, `summary of unknown version ${bytes[0]}`);
  return new PackedSummary(bytes);
}

/** Places of the texts, in the order in which they are kept. */
const Text = {
  messageId: 0,
  baseSubject: 1,
  sortFrom: 2,
  sortTo: 3,
  sortCc: 4,
  displayFrom: 5,
  displayTo: 6,
  preview: 7,
  references: 8,
} as const;

/** Decodes what is asked for, and nothing else: columns of a mailbox ask a hundred thousand summaries for one field. */
class PackedSummary implements MessageSummary {
  readonly #bytes: Buffer;
  /** Of the sent date, where there is one, and the texts; 0 = not looked for yet. */
  #textsAt = 0;
  #root: PartNode | undefined;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get sizeBytes(): number {
    return new Reader(this.#bytes, 2).varint();
  }
  get envelope(): Buffer {
    const reader = new Reader(this.#bytes, 2);
    reader.varint();
    return reader.block();
  }
  get bodyStructure(): Buffer {
    const reader = new Reader(this.#bytes, 2);
    reader.varint();
    reader.skipBlock();
    return reader.block();
  }
  get body(): Buffer {
    return stripExtensions(this.bodyStructure);
  }
  get isReplyOrForward(): boolean {
    return (this.#bytes[1]! & REPLY_OR_FORWARD) !== 0;
  }
  get sentDateMs(): number | undefined {
    return this.#hasSentDate ? this.#texts().double() : undefined;
  }
  get messageId(): string {
    return this.#textAt(Text.messageId).text();
  }
  get baseSubject(): string {
    return this.#textAt(Text.baseSubject).text();
  }
  get sortFrom(): string {
    return this.#textAt(Text.sortFrom).text();
  }
  get sortTo(): string {
    return this.#textAt(Text.sortTo).text();
  }
  get sortCc(): string {
    return this.#textAt(Text.sortCc).text();
  }
  get displayFrom(): string {
    return this.#textAt(Text.displayFrom).text();
  }
  get displayTo(): string {
    return this.#textAt(Text.displayTo).text();
  }
  get preview(): string {
    return this.#textAt(Text.preview).text();
  }
  get references(): readonly string[] {
    const reader = this.#textAt(Text.references);
    const references: string[] = [];
    for (let left = reader.varint(); left > 0; left--) references.push(reader.text());
    return references;
  }
  get root(): PartNode {
    if (this.#root === undefined) {
      const reader = this.#textAt(Text.references);
      for (let left = reader.varint(); left > 0; left--) reader.skipBlock();
      this.#root = readTree(reader);
    }
    return this.#root;
  }

  get #hasSentDate(): boolean {
    return (this.#bytes[1]! & HAS_SENT_DATE) !== 0;
  }

  #texts(): Reader {
    if (this.#textsAt !== 0) return new Reader(this.#bytes, this.#textsAt);
    const reader = new Reader(this.#bytes, 2);
    reader.varint();
    reader.skipBlock();
    reader.skipBlock();
    this.#textsAt = reader.at;
    return reader;
  }

  #textAt(place: number): Reader {
    const reader = this.#texts();
    if (this.#hasSentDate) reader.at += 8;
    for (let before = 0; before < place; before++) reader.skipBlock();
    return reader;
  }
}

function readTree(reader: Reader): PartNode {
  const open: { children: PartNode[]; left: number }[] = [];
  for (;;) {
    const headerStart = reader.varint();
    const bodyStart = headerStart + reader.varint();
    const bodyEnd = bodyStart + reader.varint();
    const lines = reader.varint();
    const left = reader.varint();
    const children: PartNode[] = [];
    const part: PartNode = {
      headerStart,
      bodyStart,
      bodyEnd,
      lines,
      type: reader.word(),
      subtype: reader.word(),
      encoding: reader.word(),
      charset: reader.word(),
      children,
    };
    const parent = open.at(-1);
    if (parent === undefined && left === 0) return part;
    if (parent !== undefined) {
      parent.children.push(part);
      parent.left--;
    } else open.push({ children: [part], left: 0 });
    if (left > 0) open.push({ children, left });
    while (open.length > 1 && open.at(-1)!.left === 0) open.pop();
    if (open.length === 1) return open[0]!.children[0]!;
  }
}

class Reader {
  readonly #bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  varint(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++]!;
    if (byte < 128) return byte;
    let value = byte & 127;
    let factor = 128;
    do {
      byte = bytes[this.at++]!;
      value += (byte & 127) * factor;
      factor *= 128;
    } while (byte >= 128);
    return value;
  }

  block(): Buffer {
    const length = this.varint();
    const from = this.at;
    this.at += length;
    return this.#bytes.subarray(from, this.at);
  }

  skipBlock(): void {
    const length = this.varint();
    this.at += length;
  }

  double(): number {
    this.at += 8;
    return this.#bytes.readDoubleLE(this.at - 8);
  }

  text(): string {
    const length = this.varint();
    if (length === 0) return "";
    this.at += length;
    return this.#bytes.toString("utf8", this.at - length, this.at);
  }

  word(): string {
    const index = this.#bytes[this.at++]!;
    return index === LITERAL_WORD ? this.text() : WORDS[index]!;
  }
}

/** What most summaries fit into; one is written at a time, and each is copied when it is done. */
const SCRATCH = Buffer.allocUnsafeSlow(16_384);

class Writer {
  #bytes = SCRATCH;
  #at = 0;

  byte(value: number): void {
    this.#room(1);
    this.#bytes[this.#at++] = value;
  }

  varint(value: number): void {
    this.#room(8);
    let left = value;
    while (left >= 128) {
      this.#bytes[this.#at++] = (left % 128) | 128;
      left = Math.floor(left / 128);
    }
    this.#bytes[this.#at++] = left;
  }

  block(value: Buffer): void {
    this.varint(value.length);
    this.bytes(value);
  }

  bytes(value: Buffer): void {
    this.#room(value.length);
    this.#at += value.copy(this.#bytes, this.#at);
  }

  double(value: number): void {
    this.#room(8);
    this.#at = this.#bytes.writeDoubleLE(value, this.#at);
  }

  text(value: string): void {
    if (value === "") {
      this.byte(0);
      return;
    }
    const length = Buffer.byteLength(value);
    this.varint(length);
    this.#room(length);
    this.#at += this.#bytes.write(value, this.#at, length, "utf8");
  }

  word(value: string): void {
    const index = WORD_INDEX.get(value);
    if (index !== undefined) this.byte(index);
    else {
      this.byte(LITERAL_WORD);
      this.text(value);
    }
  }

  finish(apart: boolean): Buffer {
    const bytes = apart ? Buffer.allocUnsafeSlow(this.#at) : Buffer.allocUnsafe(this.#at);
    this.#bytes.copy(bytes, 0, 0, this.#at);
    return bytes;
  }

  #room(count: number): void {
    if (this.#at + count <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + count));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
