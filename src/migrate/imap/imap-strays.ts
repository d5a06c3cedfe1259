/**
 * Messages of an IMAP target that the ledger does not know. Size and date find candidates; the bytes of a candidate are
 * read once, and only equal bytes make it the same message.
 */
import type { ImapClient } from "../../imap/client.ts";
import { BodyDigests } from "./body-digests.ts";
import { dateSeconds } from "./dates.ts";
import type { CopyMessage, FetchedValues } from "./message.ts";
import type { Strays } from "./target.ts";

export class ImapStrays implements Strays {
  readonly #client: ImapClient;
  /** Size and date → UIDs not read yet. */
  readonly #candidates = new Map<string, number[]>();
  /** Size, date and digest → UIDs. */
  readonly #read = new Map<string, number[]>();
  #turn: Promise<unknown> = Promise.resolve();
  size = 0;

  constructor(client: ImapClient) {
    this.#client = client;
  }

  add({ uid, sizeBytes = 0, internalDateText }: FetchedValues): void {
    push(this.#candidates, `${sizeBytes} ${dateSeconds(internalDateText)}`, uid);
    this.size++;
  }

  /** One after the other: each may read from the server. */
  claim(message: CopyMessage): Promise<number | undefined> {
    const claimed = this.#turn.then(() => this.#claim(message));
    this.#turn = claimed.catch(() => undefined);
    return claimed;
  }

  async #claim({ sizeBytes, internalDate, guid }: CopyMessage): Promise<number | undefined> {
    const key = `${sizeBytes} ${internalDate}`;
    const candidates = this.#candidates.get(key);
    if (candidates !== undefined) {
      this.#candidates.delete(key);
      for await (const { uid, guid } of new BodyDigests(this.#client).all(candidates.join(","))) {
        push(this.#read, `${key} ${guid}`, uid);
      }
    }
    return this.#read.get(`${key} ${guid}`)?.shift();
  }
}

function push(map: Map<string, number[]>, key: string, uid: number): void {
  const uids = map.get(key);
  if (uids === undefined) map.set(key, [uid]);
  else uids.push(uid);
}
