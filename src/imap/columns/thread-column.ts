/** Message-IDs and references as small numbers, for THREAD. */
import type { MessageSummary } from "../../mime/summary.ts";
import { Column } from "./column.ts";
import { uint32List } from "./numbers.ts";

/** A string with its place in a map, roughly. */
const STRING_OVERHEAD_BYTES = 96;
/** References beyond the newest are left out: a mailing list does not need more, an attacker would. */
const MAX_REFERENCES = 256;

export class ThreadColumn extends Column {
  readonly #idOf = new Map<string, number>();
  readonly #messageIds = uint32List();
  readonly #references = uint32List();
  readonly #ends = uint32List();
  readonly #isReply = uint32List();
  #characters = 0;

  /** Ids are 1..idCount; 0 = none. */
  get idCount(): number {
    return this.#idOf.size;
  }

  messageIdAt(position: number): number {
    return this.#messageIds.at(position);
  }

  /** Oldest first. */
  referencesAt(position: number): Uint32Array {
    const start = position === 0 ? 0 : this.#ends.at(position - 1);
    return this.#references.values.subarray(start, this.#ends.at(position));
  }

  isReplyAt(position: number): boolean {
    return this.#isReply.at(position) === 1;
  }

  protected override get valueBytes(): number {
    const strings = this.#idOf.size * STRING_OVERHEAD_BYTES + 2 * this.#characters;
    const lists = [this.#messageIds, this.#references, this.#ends, this.#isReply];
    return lists.reduce((sum, { sizeBytes }) => sum + sizeBytes, strings);
  }

  protected override addValue({ messageId, references, isReplyOrForward }: MessageSummary): void {
    this.#messageIds.push(messageId === "" ? 0 : this.#number(messageId));
    for (const reference of references.slice(-MAX_REFERENCES)) this.#references.push(this.#number(reference));
    this.#ends.push(this.#references.length);
    this.#isReply.push(isReplyOrForward ? 1 : 0);
  }

  #number(id: string): number {
    let number = this.#idOf.get(id);
    if (number === undefined) {
      number = this.#idOf.size + 1;
      this.#idOf.set(id, number);
      this.#characters += id.length;
    }
    return number;
  }
}
