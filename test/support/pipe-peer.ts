import type { PipeEnd } from "./pipe.ts";
import type { TranscriptPeer } from "./transcript.ts";

/** The client's end, read by lines. */
export class PipePeer implements TranscriptPeer {
  readonly connection: PipeEnd;
  #rest = "";
  readonly #lines: string[] = [];
  #ended = false;
  #waiter: (() => void) | undefined;

  constructor(connection: PipeEnd) {
    this.connection = connection;
    connection.onData((chunk) => {
      const lines = (this.#rest + chunk.toString("latin1")).split("\r\n");
      this.#rest = lines.pop() ?? "";
      this.#lines.push(...lines);
      this.#waiter?.();
    });
    connection.onClose(() => {
      this.#ended = true;
      this.#waiter?.();
    });
  }

  send(bytes: Buffer): void {
    this.connection.write(bytes);
  }

  async line(): Promise<string | undefined> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return Buffer.from(line, "latin1").toString("utf8");
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    }
  }

  waiting(): readonly string[] {
    return this.#lines;
  }
}
