/** The chunks of a mailbox that the committer has in memory; read when first asked for, written when they changed. */
import { assert } from "../../base/assert.ts";
import type { MailboxId } from "../model.ts";
import { rowKey } from "../schema.ts";
import { Chunk, ColdColumns } from "./chunk.ts";
import type { WriteIndex } from "./write-index.ts";

export class ChunkCache {
  readonly #index: WriteIndex;
  readonly #mailbox: MailboxId;
  /** Undefined = known not to be there. */
  readonly #chunks = new Map<number, Chunk | undefined>();
  readonly #dirty = new Set<Chunk>();
  #allLoaded = false;

  constructor(index: WriteIndex, mailbox: MailboxId) {
    this.#index = index;
    this.#mailbox = mailbox;
  }

  get count(): number {
    return this.#chunks.size;
  }

  find(number: number): Chunk | undefined {
    const known = this.#chunks.get(number);
    if (known !== undefined || this.#allLoaded || this.#chunks.has(number)) return known;
    const row = this.#index.hotChunk(rowKey(this.#mailbox, number));
    const chunk =
      row === undefined ? undefined : Chunk.decode(number, row.bytes, row.live + row.dead, row.live);
    this.#chunks.set(number, chunk);
    return chunk;
  }

  /** All of them, ascending. */
  all(): Chunk[] {
    if (!this.#allLoaded) {
      for (const row of this.#index.hotChunks(this.#mailbox)) {
        const number = row.key - rowKey(this.#mailbox, 0);
        // Given up, or newer here than in the table.
        if (this.#chunks.has(number)) continue;
        this.#chunks.set(number, Chunk.decode(number, row.bytes, row.live + row.dead, row.live));
      }
      this.#allLoaded = true;
    }
    const all: Chunk[] = [];
    for (const chunk of this.#chunks.values()) if (chunk !== undefined) all.push(chunk);
    return all.sort((a, b) => a.number - b.number);
  }

  add(number: number): Chunk {
    const chunk = new Chunk(number);
    chunk.cold = ColdColumns.empty();
    this.#chunks.set(number, chunk);
    return chunk;
  }

  coldOf(chunk: Chunk): ColdColumns {
    if (chunk.cold === undefined) {
      const bytes = this.#index.coldChunk(rowKey(this.#mailbox, chunk.number));
      assert(bytes !== undefined, `mailbox ${this.#mailbox}: chunk ${chunk.number} has no cold columns`);
      chunk.cold = ColdColumns.decode(bytes, chunk.count);
    }
    return chunk.cold;
  }

  markDirty(chunk: Chunk, coldToo: boolean): void {
    chunk.hotDirty = true;
    if (coldToo) chunk.coldDirty = true;
    this.#dirty.add(chunk);
  }

  /** Gives up a chunk that cannot be read, with its records. */
  drop(number: number): void {
    const chunk = this.#chunks.get(number);
    if (chunk !== undefined) this.#dirty.delete(chunk);
    this.#index.removeChunk(rowKey(this.#mailbox, number));
    this.#chunks.set(number, undefined);
  }

  /** Writes what changed into the open transaction. */
  flush(): void {
    for (const chunk of this.#dirty) {
      const key = rowKey(this.#mailbox, chunk.number);
      if (chunk.count === 0) {
        this.#index.removeChunk(key);
        this.#chunks.set(chunk.number, undefined);
      } else {
        if (chunk.hotDirty) this.#index.putHot(key, chunk.live, chunk.count - chunk.live, chunk.encodeHot());
        if (chunk.coldDirty) this.#index.putCold(key, this.coldOf(chunk).encode(chunk.count));
      }
      chunk.hotDirty = chunk.coldDirty = false;
    }
    this.#dirty.clear();
  }
}
