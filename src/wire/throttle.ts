import type { Connection } from "../base/io/network.ts";

/** Lets the peer send only while there is room for more. */
export class Throttle {
  readonly #connection: Pick<Connection, "pause" | "resume">;
  #isPaused = false;

  constructor(connection: Pick<Connection, "pause" | "resume">) {
    this.#connection = connection;
  }

  set(isFull: boolean): void {
    if (isFull === this.#isPaused) return;
    this.#isPaused = isFull;
    if (isFull) this.#connection.pause();
    else this.#connection.resume();
  }
}
