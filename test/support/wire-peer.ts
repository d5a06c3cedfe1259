/** A client by hand: what a test sends are bytes, what it gets are lines. */
import type { Connection } from "../../src/base/io/network.ts";

export class WirePeer {
  connection: Connection;
  /** Everything that came. */
  receivedBytes = 0;
  #rest = "";
  #lines: string[] = [];
  #ended = false;
  #waiter: (() => void) | undefined;
  #tag = 0;

  constructor(connection: Connection) {
    this.connection = connection;
    this.attach(connection);
  }

  /** Also when a layer comes in between. */
  attach(connection: Connection): void {
    this.connection = connection;
    connection.onData((chunk) => {
      this.receivedBytes += chunk.length;
      const lines = (this.#rest + chunk.toString("latin1")).split("\r\n");
      this.#rest = lines.pop() ?? "";
      for (const line of lines) this.#lines.push(line);
      this.#waiter?.();
    });
    connection.onClose(() => {
      this.#ended = true;
      this.#waiter?.();
    });
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(bytes: string | Buffer): void {
    this.connection.write(bytes);
  }

  /** Undefined at the end of the connection. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) return line;
      if (this.#ended) return undefined;
      await new Promise<void>((resolve) => {
        this.#waiter = resolve;
      });
    }
  }

  /** Lines up to and with the first that begins with `start`; fewer when the connection ends. */
  async until(start: string): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) {
      lines.push(line);
      if (line.startsWith(start)) break;
    }
    return lines;
  }

  /** The lines of the answer, the tagged one last. */
  command(text: string): Promise<string[]> {
    const tag = `w${++this.#tag}`;
    this.send(`${tag} ${text}\r\n`);
    return this.until(`${tag} `);
  }

  /** Everything until the connection ends. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let line = await this.line(); line !== undefined; line = await this.line()) lines.push(line);
    return lines;
  }
}
