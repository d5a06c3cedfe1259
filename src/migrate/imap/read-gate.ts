/**
 * Counts what of a source is in memory: received and not yet stored, of all folders that are on their way to the target.
 * Above the bound the connection is not read.
 */
import type { ImapClient } from "../../imap/client.ts";

export class ReadGate {
  /** Of this connection, in bytes; may change while it works. */
  maxBytes: () => number = () => Number.POSITIVE_INFINITY;
  readonly #client: Pick<ImapClient, "hold" | "readOn">;
  /** How often the source had to wait for us. */
  holds = 0;
  #bytes = 0;
  #messages = 0;
  #isHolding = false;

  constructor(client: Pick<ImapClient, "hold" | "readOn">) {
    this.#client = client;
  }

  get isFull(): boolean {
    return this.#bytes > this.maxBytes() || this.#messages > MAX_MESSAGES;
  }

  /** Nothing is read until some of it is stored, also when there is room by now: the bound may have grown. */
  get isHolding(): boolean {
    return this.#isHolding;
  }

  took(bytes: number): void {
    this.#bytes += bytes;
    this.#messages++;
    if (!this.isFull) return;
    this.holds++;
    this.#isHolding = true;
    this.#client.hold();
  }

  gave(messages: number, bytes: number): void {
    this.#bytes -= bytes;
    this.#messages -= messages;
    if (this.isFull) return;
    this.#isHolding = false;
    this.#client.readOn();
  }
}

/** Small messages cost more than their bytes. */
const MAX_MESSAGES = 1024;
