/**
 * A vocabulary with postings: which documents of a segment hold which word. Written once, then only scanned.
 *
 * Layout, little-endian: u32 words · u32 vocabulary bytes · u32 postings bytes · per block of 32 words: u32 offset in
 * the vocabulary, u32 offset in the postings · vocabulary: "\n" word "\n" word … "\n" in UTF-8 · postings: per word a
 * varint byte length, then the ascending document numbers as varint differences.
 */
import { assert } from "../base/assert.ts";
import type { Piece } from "./words.ts";

const BLOCK = 32;
const HEADER_BYTES = 12;
const LF = 10;

export class SectionBuilder {
  readonly #numbers = new Map<string, number>();
  #lastDocument = new Int32Array(1024);
  #pairWords = new Uint32Array(4096);
  #pairDocuments = new Uint32Array(4096);
  #pairs = 0;

  /** Documents must come in ascending order; repetitions are free. */
  readonly add = (word: string, document: number): void => {
    let number = this.#numbers.get(word);
    if (number === undefined) {
      number = this.#numbers.size;
      this.#numbers.set(word, number);
      if (number === this.#lastDocument.length) this.#lastDocument = grow(this.#lastDocument, Int32Array);
    } else if (this.#lastDocument[number] === document + 1) return;
    this.#lastDocument[number] = document + 1;
    if (this.#pairs === this.#pairWords.length) {
      this.#pairWords = grow(this.#pairWords, Uint32Array);
      this.#pairDocuments = grow(this.#pairDocuments, Uint32Array);
    }
    this.#pairWords[this.#pairs] = number;
    this.#pairDocuments[this.#pairs++] = document;
  };

  finish(): Buffer {
    const words = this.#numbers.size;
    // Counting sort by word keeps the documents of each ascending.
    const starts = new Uint32Array(words + 1);
    for (let pair = 0; pair < this.#pairs; pair++) starts[this.#pairWords[pair]! + 1]! += 1;
    for (let word = 0; word < words; word++) starts[word + 1]! += starts[word]!;
    const next = starts.slice(0, words);
    const documents = new Uint32Array(this.#pairs);
    for (let pair = 0; pair < this.#pairs; pair++) {
      documents[next[this.#pairWords[pair]!]!++] = this.#pairDocuments[pair]!;
    }
    const postings = Buffer.allocUnsafe(this.#pairs * 5 + words * 5);
    const blocks = Math.ceil(words / BLOCK);
    const head = Buffer.alloc(HEADER_BYTES + blocks * 8);
    const scratch = Buffer.allocUnsafe(5 * (maxRun(starts) + 1));
    let at = 0;
    for (let word = 0; word < words; word++) {
      if (word % BLOCK === 0) head.writeUInt32LE(at, HEADER_BYTES + (word / BLOCK) * 8 + 4);
      let length = 0;
      let previous = 0;
      for (let index = starts[word]!; index < starts[word + 1]!; index++) {
        length = writeVarint(scratch, length, documents[index]! - previous);
        previous = documents[index]!;
      }
      at = writeVarint(postings, at, length);
      at += scratch.copy(postings, at, 0, length);
    }
    const vocabulary = vocabularyOf(this.#numbers.keys(), head);
    head.writeUInt32LE(words, 0);
    head.writeUInt32LE(vocabulary.length, 4);
    head.writeUInt32LE(at, 8);
    return Buffer.concat([head, vocabulary, postings.subarray(0, at)]);
  }
}

/** Joins the words and notes where each block begins. */
function vocabularyOf(words: Iterable<string>, head: Buffer): Buffer {
  const blocks: Buffer[] = [];
  let block = "";
  let count = 0;
  let offset = 0;
  for (const word of words) {
    if (count % BLOCK === 0) {
      if (count > 0) {
        const bytes = Buffer.from(block);
        blocks.push(bytes);
        offset += bytes.length;
        block = "";
      }
      head.writeUInt32LE(offset, HEADER_BYTES + (count / BLOCK) * 8);
    }
    block += `\n${word}`;
    count++;
  }
  blocks.push(Buffer.from(`${block}\n`));
  return Buffer.concat(blocks);
}

export class Section {
  readonly words: number;
  readonly #bytes: Buffer;
  readonly #vocabulary: Buffer;
  readonly #postings: Buffer;

  constructor(bytes: Buffer) {
    assert(bytes.length >= HEADER_BYTES, "section too short");
    this.#bytes = bytes;
    this.words = bytes.readUInt32LE(0);
    const from = HEADER_BYTES + Math.ceil(this.words / BLOCK) * 8;
    const to = from + bytes.readUInt32LE(4);
    this.#vocabulary = bytes.subarray(from, to);
    this.#postings = bytes.subarray(to, to + bytes.readUInt32LE(8));
    assert(this.#postings.length === bytes.readUInt32LE(8), "section cut short");
  }

  /**
   * Sets `marks[document] = 1` for every document with a word that holds the piece; `unmarked` of them are 0 before.
   * Answers how many are still 0: a short piece marks all long before the vocabulary ends.
   */
  mark(piece: Piece, marks: Uint8Array, unmarked: number): number {
    let left = unmarked;
    const vocabulary = this.#vocabulary;
    const needle = Buffer.from(`${piece.atStart ? "\n" : ""}${piece.text}${piece.atEnd ? "\n" : ""}`);
    let block = 0;
    let word = 0;
    let wordAt = 0;
    let postingAt = 0;
    for (let hit = vocabulary.indexOf(needle); hit >= 0 && left > 0;) {
      // The first octet that is surely inside the word (not the "\n" before it).
      const inside = piece.atStart ? hit + 1 : hit;
      const hitBlock = this.#blockOf(inside, block);
      if (hitBlock !== block || word === 0) {
        block = hitBlock;
        word = block * BLOCK;
        wordAt = this.#bytes.readUInt32LE(HEADER_BYTES + block * 8);
        postingAt = this.#bytes.readUInt32LE(HEADER_BYTES + block * 8 + 4);
      }
      // Walk to the word that begins last before `inside`.
      for (;;) {
        const end = vocabulary.indexOf(LF, wordAt + 1);
        if (end > inside) {
          left -= this.#markPosting(postingAt, marks);
          hit = vocabulary.indexOf(needle, end);
          break;
        }
        wordAt = end;
        word++;
        postingAt = this.#afterPosting(postingAt);
      }
    }
    return left;
  }

  /** Every word with its documents, for merging. */
  each(take: (word: string, document: number) => void): void {
    const words = this.#vocabulary.toString("utf8").split("\n");
    let at = 0;
    for (let index = 1; index <= this.words; index++) {
      const word = words[index]!;
      const length = readVarint(this.#postings, at);
      at = afterVarint(this.#postings, at);
      const end = at + length;
      let document = 0;
      while (at < end) {
        document += readVarint(this.#postings, at);
        at = afterVarint(this.#postings, at);
        take(word, document);
      }
    }
  }

  /** Block that holds vocabulary offset `at`; not before `from`. */
  #blockOf(at: number, from: number): number {
    let low = from;
    let high = Math.ceil(this.words / BLOCK) - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      // A block begins with the "\n" before its first word.
      if (this.#bytes.readUInt32LE(HEADER_BYTES + middle * 8) < at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #afterPosting(at: number): number {
    return afterVarint(this.#postings, at) + readVarint(this.#postings, at);
  }

  /** Answers how many documents it marked anew. */
  #markPosting(at: number, marks: Uint8Array): number {
    let fresh = 0;
    const postings = this.#postings;
    const end = this.#afterPosting(at);
    let document = 0;
    for (let index = afterVarint(postings, at); index < end;) {
      const byte = postings[index]!;
      if (byte < 128) {
        document += byte;
        index++;
      } else {
        document += readVarint(postings, index);
        index = afterVarint(postings, index);
      }
      if (marks[document] === 0) {
        marks[document] = 1;
        fresh++;
      }
    }
    return fresh;
  }
}

function writeVarint(bytes: Buffer, from: number, value: number): number {
  let at = from;
  let left = value;
  while (left >= 128) {
    bytes[at++] = (left & 127) | 128;
    left >>>= 7;
  }
  bytes[at++] = left;
  return at;
}

function readVarint(bytes: Buffer, from: number): number {
  let at = from;
  let byte = bytes[at++]!;
  let value = byte & 127;
  for (let shift = 7; byte >= 128; shift += 7) {
    byte = bytes[at++]!;
    value |= (byte & 127) << shift;
  }
  return value >>> 0;
}

function afterVarint(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at]! >= 128) at++;
  return at + 1;
}

function grow<Columns extends Int32Array | Uint32Array>(
  old: Columns,
  make: new (length: number) => Columns,
): Columns {
  const larger = new make(old.length * 2);
  larger.set(old);
  return larger;
}

function maxRun(starts: Uint32Array): number {
  let longest = 0;
  for (let index = 0; index + 1 < starts.length; index++) {
    longest = Math.max(longest, starts[index + 1]! - starts[index]!);
  }
  return longest;
}
