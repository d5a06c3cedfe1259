import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Connection } from "./network.ts";
import type { Programs } from "./programs.ts";

/** What is kept of a program's standard error. */
const MAX_LAST_WORDS = 2000;
/** A program that does not end with its input is killed after this. */
const LINGER_MS = 5000;

export const systemPrograms: Programs = {
  start: (file, args) => new ProgramConnection(spawn(file, args, { stdio: "pipe" }), file),
};

class ProgramConnection implements Connection {
  readonly remoteAddress: string;
  readonly remotePort = 0;
  readonly localAddress = "";
  readonly localPort = 0;
  readonly tls = undefined;
  readonly #child: ChildProcessWithoutNullStreams;
  #receive: ((chunk: Buffer) => void) | undefined;
  #resume: (() => void) | undefined;
  #closed: ((error: Error | undefined) => void) | undefined;
  #lastWords = "";
  #ended: { error: Error | undefined } | undefined;

  constructor(child: ChildProcessWithoutNullStreams, file: string) {
    this.#child = child;
    this.remoteAddress = file;
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-MAX_LAST_WORDS);
    });
    child.stdin.on("drain", () => this.#resume?.());
    // A program that has ended takes nothing any more; its exit says why.
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.#end(error));
    child.on("close", (code, signal) => {
      const why = this.#lastWords.trim() || `ended with ${signal ?? `exit code ${code}`}`;
      this.#end(code === 0 ? undefined : new Error(`${file}: ${why}`));
    });
  }

  get bufferedBytes(): number {
    return this.#child.stdin.writableLength;
  }

  onData(receive: (chunk: Buffer) => void): void {
    if (this.#receive === undefined) {
      this.#child.stdout.on("data", (chunk: Buffer) => this.#receive?.(chunk));
    }
    this.#receive = receive;
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
  }

  onClose(closed: (error: Error | undefined) => void): void {
    this.#closed = closed;
    const ended = this.#ended;
    if (ended !== undefined) process.nextTick(() => this.#end(ended.error));
  }

  write(bytes: Buffer | string): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(bytes);
  }

  pause(): void {
    this.#child.stdout.pause();
  }

  resume(): void {
    this.#child.stdout.resume();
  }

  startTls(): Promise<void> {
    return Promise.reject(new Error("TLS was asked for on a program's standard input"));
  }

  end(lastWords?: Buffer | string): void {
    if (lastWords !== undefined) this.write(lastWords);
    this.#child.stdin.end();
    const linger = setTimeout(() => this.#child.kill("SIGKILL"), LINGER_MS);
    this.#child.once("close", () => clearTimeout(linger));
  }

  destroy(): void {
    this.#child.stdin.destroy();
    this.#child.kill();
  }

  #end(error: Error | undefined): void {
    this.#ended = { error };
    const closed = this.#closed;
    this.#closed = undefined;
    closed?.(error);
  }
}
