/**
 * The load client's connection, written for speed: it looks for the byte string that ends an answer and reads nothing
 * else of it. Tags never appear in the benchmark's messages, so literals need no parsing.
 */
import { connect, type Socket } from "node:net";

/** A server that does not answer within this time fails the row. */
const ANSWER_TIMEOUT_MS = 180_000;
const TIMEOUT_STEP_MS = 5000;
const CRLF = Buffer.from("\r\n");
const QUOTED_BYTES = 300;

interface Expected {
  /** Starts with CRLF, so that it is found at the start of a line only. */
  readonly pattern: Buffer;
  readonly since: number;
  /** Every byte of the answer, when it is wanted. */
  readonly collected: Buffer[] | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export interface Answer {
  /** The line that ended it, without CRLF. */
  readonly line: string;
  /** Bytes since the previous answer. */
  readonly bytes: number;
  /** When its last byte was here, `performance.now()`. */
  readonly atMs: number;
  readonly tookMs: number;
  readonly collected: Buffer | undefined;
}

export class Link {
  readonly #socket: Socket;
  readonly #expected: Expected[] = [];
  #head = 0;
  /** What may be the start of the next pattern; "\r\n" before the first byte. */
  #tail: Buffer = CRLF;
  #bytes = 0;
  #error: Error | undefined;
  /** Ends a wait when it starts with 4 or 5 (LMTP); an IMAP refusal has the tag and ends it anyway. */
  refusalsHaveCodes = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
    let oldest: Expected | undefined;
    let silentMs = 0;
    const timer = setInterval(() => {
      const first = this.#expected[this.#head];
      silentMs = first !== undefined && first === oldest ? silentMs + TIMEOUT_STEP_MS : 0;
      oldest = first;
      if (silentMs >= ANSWER_TIMEOUT_MS)
        socket.destroy(new Error(`no ${JSON.stringify(first?.pattern.toString())}`));
    }, TIMEOUT_STEP_MS);
    timer.unref();
    socket.once("close", () => clearInterval(timer));
  }

  static open(host: string, port: number): Promise<Link> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new Link(socket));
      });
    });
  }

  write(bytes: Buffer | string): void {
    this.#socket.write(bytes);
  }

  /** Several writes leave as one. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** Waits for a line that starts with `start`; waits end in the order in which they began. */
  expect(start: string, collect = false): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#expected.push({
        pattern: Buffer.from(`\r\n${start}`),
        since: performance.now(),
        collected: collect ? [] : undefined,
        resolve,
        reject,
      });
    });
  }

  close(): void {
    this.#error ??= new Error("closed");
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#bytes += chunk.length;
    const bytes = this.#tail.length === 0 ? chunk : Buffer.concat([this.#tail, chunk]);
    let from = 0;
    for (;;) {
      const expected = this.#expected[this.#head];
      if (expected === undefined) {
        this.#tail = bytes.subarray(Math.max(from, bytes.length - 2));
        return;
      }
      const start = bytes.indexOf(expected.pattern, from);
      const end = start === -1 ? -1 : bytes.indexOf(CRLF, start + expected.pattern.length);
      if (end === -1) {
        // Keep the line, or what could be the first bytes of one; an answer that is collected is kept apart.
        const keep = start === -1 ? Math.max(from, bytes.length - expected.pattern.length + 1) : start;
        if (this.refusalsHaveCodes && start === -1) {
          const refusal = /\r\n[45]\d\d [^\r]*\r\n/.exec(bytes.toString("latin1", from));
          if (refusal !== null) return this.#fail(new Error(`refused: ${refusal[0].trim()}`));
        }
        expected.collected?.push(Buffer.from(bytes.subarray(from, keep)));
        this.#tail = Buffer.from(bytes.subarray(this.refusalsHaveCodes ? from : keep));
        return;
      }
      const atMs = performance.now();
      expected.collected?.push(bytes.subarray(from, start));
      if (++this.#head === this.#expected.length) {
        this.#expected.length = 0;
        this.#head = 0;
      }
      const answered = this.#bytes - (bytes.length - end - 2);
      this.#bytes -= answered;
      expected.resolve({
        line: bytes.toString("latin1", start + 2, end),
        bytes: answered,
        atMs,
        tookMs: atMs - expected.since,
        collected: expected.collected === undefined ? undefined : Buffer.concat(expected.collected),
      });
      from = end;
    }
  }

  #fail(error: Error): void {
    if (this.#error !== undefined) return;
    const last = this.#tail.toString("latin1", 0, QUOTED_BYTES);
    this.#error = new Error(`${error.message}; unread: ${JSON.stringify(last)}`, { cause: error });
    for (const { reject } of this.#expected.splice(this.#head)) reject(this.#error);
    this.#expected.length = 0;
    this.#head = 0;
    this.#socket.destroy();
  }
}
