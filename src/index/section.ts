/**
 * A vocabulary with postings: which documents of a segment hold which word. Written once, then only scanned.
 *
 * Layout, little-endian: u32 words · u32 vocabulary bytes · u32 postings bytes · per block of 32 words: u32 offset in
 * the vocabulary, u32 offset in the postings · vocabulary: "\n" word "\n" word … "\n" in UTF-8 · postings: per word a
 * varint byte length, then the ascending document numbers as varint differences.
 */
import { assert } from "../base/assert.ts";
import { WordTable } from "./word-table.ts";
import { eachWord, type Piece } from "./words.ts";

const BLOCK = 32;
const HEADER_BYTES = 12;
const LF = 10;

export class SectionBuilder {
  readonly #words = new WordTable();
  #lastDocument = new Int32Array(1024);
  #pairWords = new Uint32Array(4096);
  #pairDocuments = new Uint32Array(4096);
  #pairs = 0;

  /** The words of a folded text; documents must come in ascending order. */
  addText(text: string, document: number): void {
    eachWord(text, (start, end) => this.#add(this.#words.numberOf(text, start, end), document));
  }

  /** What another section knows of its documents, under the numbers that they have here; -1 = not wanted. */
  addSection(section: Section, numbers: Int32Array): void {
    section.each((words, start, end, documents) => {
      let word = -1;
      for (let index = 0; index < documents.length; index++) {
        const document = numbers[documents[index]!]!;
        if (document < 0) continue;
        if (word < 0) word = this.#words.numberOf(words, start, end);
        this.#add(word, document);
      }
    });
  }

  /** Repetitions are free. */
  #add(word: number, document: number): void {
    if (this.#lastDocument[word] === document + 1) return;
    while (word >= this.#lastDocument.length) this.#lastDocument = grow(this.#lastDocument, Int32Array);
    this.#lastDocument[word] = document + 1;
    if (this.#pairs === this.#pairWords.length) {
      this.#pairWords = grow(this.#pairWords, Uint32Array);
      this.#pairDocuments = grow(this.#pairDocuments, Uint32Array);
    }
    this.#pairWords[this.#pairs] = word;
    this.#pairDocuments[this.#pairs++] = document;
  }

  finish(): Buffer {
    const words = this.#words.count;
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
    const vocabulary = vocabularyOf(this.#words, head);
    head.writeUInt32LE(words, 0);
    head.writeUInt32LE(vocabulary.length, 4);
    head.writeUInt32LE(at, 8);
    return Buffer.concat([head, vocabulary, postings.subarray(0, at)]);
  }
}

/** Joins the words and notes where each block begins. */
function vocabularyOf(words: WordTable, head: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(3 * words.units + words.count + 1);
  let at = 0;
  for (let word = 0; word < words.count; word++) {
    if (word % BLOCK === 0) head.writeUInt32LE(at, HEADER_BYTES + (word / BLOCK) * 8);
    bytes[at++] = LF;
    at = words.write(word, bytes, at);
  }
  bytes[at++] = LF;
  return bytes.subarray(0, at);
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

  /** Every word, as a piece of one text, with its documents; for merging. `documents` is good until the next one. */
  each(take: (words: string, start: number, end: number, documents: Uint32Array) => void): void {
    const words = this.#vocabulary.toString("utf8");
    let documents = new Uint32Array(64);
    let at = 0;
    let start = 1;
    for (let index = 0; index < this.words; index++) {
      const length = readVarint(this.#postings, at);
      at = afterVarint(this.#postings, at);
      const end = at + length;
      if (length > documents.length) documents = new Uint32Array(2 * length);
      let document = 0;
      let count = 0;
      while (at < end) {
        document += readVarint(this.#postings, at);
        at = afterVarint(this.#postings, at);
        documents[count++] = document;
      }
      const wordEnd = words.indexOf("\n", start);
      take(words, start, wordEnd, documents.subarray(0, count));
      start = wordEnd + 1;
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
