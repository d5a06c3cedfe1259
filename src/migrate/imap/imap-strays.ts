/**
 * Messages of an IMAP target that the ledger does not know. Size and date find candidates; the bytes of a candidate are
 * read once, and only equal bytes make it the same message.
 */
import { dateSeconds } from "./dates.ts";
import type { FetchedValues } from "../../imap/client-fetch.ts";
import type { StrayKey, Strays, TargetMessage } from "./target.ts";
import { Turns } from "./turns.ts";

export class ImapStrays implements Strays {
  readonly #digests: (set: string) => Promise<readonly TargetMessage[]>;
  /** Size and date → UIDs not read yet. */
  readonly #candidates = new Map<string, number[]>();
  /** Size, date and digest → UIDs. */
  readonly #read = new Map<string, number[]>();
  readonly #turns = new Turns();
  size = 0;

  /** @param digests reads the messages of a set of UIDs */
  constructor(digests: (set: string) => Promise<readonly TargetMessage[]>) {
    this.#digests = digests;
  }

  add({ uid, sizeBytes = 0, internalDateText }: FetchedValues): void {
    push(this.#candidates, `${sizeBytes} ${dateSeconds(internalDateText)}`, uid);
    this.size++;
  }

  /** One after the other: each may read from the server. */
  claim(message: StrayKey): Promise<number | undefined> {
    return this.#turns.run(async () => (await this.#alike(message)).shift());
  }

  alike(message: StrayKey): Promise<readonly number[]> {
    return this.#turns.run(async () => (await this.#alike(message)).toSorted((a, b) => a - b));
  }

  async #alike({ sizeBytes, internalDate, guid }: StrayKey): Promise<number[]> {
    const key = `${sizeBytes} ${internalDate}`;
    const candidates = this.#candidates.get(key);
    if (candidates !== undefined) {
      this.#candidates.delete(key);
      for (const { uid, guid } of await this.#digests(candidates.join(","))) {
        push(this.#read, `${key} ${guid}`, uid);
      }
    }
    return this.#read.get(`${key} ${guid}`) ?? [];
  }
}

function push(map: Map<string, number[]>, key: string, uid: number): void {
  const uids = map.get(key);
  if (uids === undefined) map.set(key, [uid]);
  else uids.push(uid);
}
