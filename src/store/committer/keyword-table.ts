/** The keywords of a mailbox and the bits that stand for them. */
import { StoreError } from "../errors.ts";
import { MAX_KEYWORDS } from "../model.ts";
import { keywordCrc } from "../sync-crc.ts";

/** No control characters, blanks or IMAP specials: RFC 9051 §9 atom. */
const KEYWORD = /^[^\x00-\x20\x7f-\uffff(){%*"\\\]]{1,255}$/;

export class KeywordTable {
  readonly #names: readonly string[];
  #bits: Map<string, number> | undefined;
  #crcs: Int32Array | undefined;

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /** Bits of keywords, and those of them that have none yet (when `create`). @throws StoreError */
  bitsOf(
    keywords: readonly string[],
    create: boolean,
    mailbox: string,
  ): { bits: Uint32Array; added: readonly string[] } {
    this.#bits ??= new Map(this.#names.map((keyword, bit) => [keyword.toLowerCase(), bit]));
    const bits = new Uint32Array(4);
    const added: string[] = [];
    for (const keyword of keywords) {
      let bit = this.#bits.get(keyword.toLowerCase());
      if (bit === undefined) {
        if (!create) continue;
        if (!KEYWORD.test(keyword))
          throw new StoreError("keyword_invalid", `${JSON.stringify(keyword)} is no keyword`);
        const again = added.findIndex((other) => other.toLowerCase() === keyword.toLowerCase());
        bit = this.#names.length + (again < 0 ? added.length : again);
        if (bit >= MAX_KEYWORDS) {
          throw new StoreError("keyword_limit", `${mailbox} has ${MAX_KEYWORDS} keywords already`);
        }
        if (again < 0) added.push(keyword);
      }
      bits[bit >>> 5]! |= 1 << (bit & 31);
    }
    return { bits, added };
  }

  /** Keywords whose bits are set in the four words at `at`. */
  namesOf(words: Uint32Array | undefined, at: number): string[] {
    if (words === undefined) return [];
    return this.#names.filter((_, bit) => (words[at + (bit >>> 5)]! >>> (bit & 31)) & 1);
  }

  /** XOR of the CRCs of the keywords set in the four words at `at`. */
  crcOf(words: Uint32Array | undefined, at: number): number {
    if (words === undefined || (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0)
      return 0;
    this.#crcs ??= Int32Array.from(this.#names, keywordCrc);
    let crc = 0;
    for (let word = 0; word < 4; word++) {
      for (let rest = words[at + word]!, bit = 32 * word; rest !== 0; rest >>>= 1, bit++) {
        if (rest & 1) crc ^= this.#crcs[bit]!;
      }
    }
    return crc;
  }
}
