/**
 * A connection to a replica: commands out, answers back in the order of the commands. Commands may be pipelined; what is
 * not taken by the peer yet is bounded by `room`.
 */
import type { Clock, Timer } from "../../base/io/clock.ts";
import type { Connection } from "../../base/io/network.ts";
import { DeflateLayer } from "../../wire/deflate-layer.ts";
import { SyncProtocolError } from "../codec/errors.ts";
import { type FileHeader, type FileSink, SyncFramer } from "../codec/framer.ts";
import type { RecordSink } from "../codec/record-cutter.ts";
import { DlistReader } from "../codec/reader.ts";
import { DlistWriter } from "../codec/writer.ts";
import { turn } from "../turn.ts";
import { ReplicaLost, ReplicaRefusal } from "./refusal.ts";

/** Bytes written and not yet taken by the replica. */
const MAX_OUTPUT_BYTES = 4 * 1024 * 1024;
/** The same while a long command goes out in pieces. */
const MAX_PIECES_BYTES = 512 * 1024;
/** One message that is fetched back. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** Lines of one step before the first command: an IMAP server may say some more. */
const MAX_LOGIN_LINES = 1000;
const BYE = /^(?:\* )?BYE /;
const STAR = 0x2a;
const PLUS = 0x2b;

interface Waiting {
  /** Takes a line of the answer; true when it was the last. */
  take(line: Buffer): boolean;
  takeFile(header: FileHeader, body: Buffer): void;
  takeRecords?: AnswerHandlers["records"];
  fail(error: Error): void;
}

export interface AnswerHandlers {
  /** One `* KEY value` line; `reader` stands at the value. */
  readonly line?: (key: string, reader: DlistReader) => void;
  /** One `* word` line without a value. */
  readonly bare?: (word: string) => void;
  /** One `** …` line of the text dialect; `reader` stands behind the stars. */
  readonly header?: (reader: DlistReader) => void;
  readonly file?: (header: FileHeader, body: Buffer) => void;
  /** Takes the records of a long line, which comes with an empty list then; `head` is what stands before them. */
  readonly records?: (head: Buffer) => RecordSink;
}

export class ReplicaLink {
  readonly #connection: Connection;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #framer: SyncFramer;
  readonly #waiting: Waiting[] = [];
  #deflate: DeflateLayer | undefined;
  #lost: Error | undefined;
  #drained: (() => void)[] = [];
  /** Written while a command goes out in pieces: it comes behind it. */
  #behind: Buffer[] | undefined;
  #timer: Timer | undefined;
  #lastHeardMs: number;
  /** Inside IMAP: of the next command. */
  #nextTag: number | undefined;

  constructor(connection: Connection, clock: Clock, timeoutMs: number) {
    this.#connection = connection;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#lastHeardMs = clock.monotonicMs();
    this.#framer = new SyncFramer({
      line: (line) => this.#takeLine(line),
      file: (header) => this.#takeFile(header),
      records: (head) => this.#waiting[0]?.takeRecords?.(head),
    });
    connection.onData((chunk) => this.#receive(chunk));
    connection.onDrain(() => this.#onDrain());
    connection.onClose((error) => this.#lose(error?.message ?? "the replica closed the connection"));
    this.#watchSilence();
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** From now on inside IMAP: `S0 SYNCGET …`, `S1 SYNCAPPLY …` (Cyrus 3.6.1, observed). */
  startTags(): void {
    this.#nextTag = 0;
  }

  /** Capability lines up to and with `* OK …`: at the start and after STARTTLS. */
  async banner(): Promise<readonly string[]> {
    const lines = await this.#lines((line) => !line.startsWith("* ") || line.startsWith("* OK"));
    if (lines.at(-1)?.startsWith("* ") === true) return lines.map((line) => line.slice(2));
    throw new ReplicaLost(`the replica greeted with ${lines.at(-1)}`);
  }

  /** Sends a line of the login; all that comes back, up to the line that `isLast` takes for the last. */
  exchange(text: string, isLast: (line: string) => boolean): Promise<readonly string[]> {
    const answer = this.#lines(isLast);
    this.#write(Buffer.from(`${text}\r\n`));
    return answer;
  }

  #lines(isLast: (line: string) => boolean): Promise<readonly string[]> {
    const lines: string[] = [];
    return this.#await<readonly string[]>((resolve, reject) => ({
      take(line) {
        const text = line.toString("latin1");
        lines.push(text);
        if (lines.length > MAX_LOGIN_LINES) reject(new ReplicaLost("the replica says too much"));
        else if (isLast(text)) resolve(lines);
        else return false;
        return true;
      },
    }));
  }

  /** GET or APPLY with what `write` prints. @throws ReplicaRefusal, ReplicaLost */
  command(
    word: "GET" | "APPLY",
    key: string,
    write: (writer: DlistWriter) => void,
    handlers: AnswerHandlers = {},
  ): Promise<void> {
    const writer = new DlistWriter("client").raw(word).raw(key);
    write(writer);
    return this.send(`${word} ${key}`, writer.line(), handlers);
  }

  /** A bare line: RESTART, EXIT, STARTTLS, COMPRESS. Resolves with its last line. */
  plain(text: string): Promise<string> {
    const tag = this.#takeTag();
    const answer = this.#answer(text, {}, tag);
    this.#write(Buffer.from(`${inside(tag)}${text}\r\n`));
    return answer;
  }

  /** Pieces of a whole command, printed by the caller. */
  send(name: string, pieces: readonly Buffer[], handlers: AnswerHandlers): Promise<void> {
    const tag = this.#takeTag();
    const answer = this.#answer(name, handlers, tag).then(() => undefined);
    // A pipelined command may fail before anybody waits for it.
    answer.catch(() => undefined);
    if (tag !== "") this.#write(Buffer.from(inside(tag)));
    for (const piece of pieces) this.#write(piece);
    return answer;
  }

  /**
   * A long command in pieces, each made when there is room for it. What others send meanwhile comes behind it. Resolves
   * when all of it is out; `answered` when the replica has said OK. @throws ReplicaLost
   */
  async sendPieces(
    name: string,
    pieces: Iterable<readonly Buffer[]>,
  ): Promise<{ readonly answered: Promise<void> }> {
    while (this.#behind !== undefined) await this.#turn();
    const tag = this.#takeTag();
    const answer = this.#answer(name, {}, tag).then(() => undefined);
    answer.catch(() => undefined);
    this.#behind = [];
    try {
      if (tag !== "") this.#writeNow(Buffer.from(inside(tag)));
      for (const piece of pieces) {
        for (const bytes of piece) this.#writeNow(bytes);
        await turn();
        await this.#roomFor(MAX_PIECES_BYTES);
        // It takes what is sent; it has nothing to say before the end.
        this.#lastHeardMs = this.#clock.monotonicMs();
      }
    } catch (error) {
      // Half a command is out: nobody could follow.
      this.#lose("a command broke off");
      throw error;
    } finally {
      const behind = this.#behind;
      this.#behind = undefined;
      for (const bytes of behind) this.#writeNow(bytes);
      this.#onDrain();
    }
    return { answered: answer };
  }

  /** One line, whatever it is. */
  nextLine(): Promise<string> {
    return this.#await<string>((resolve) => ({
      take: (line) => {
        resolve(line.toString("latin1"));
        return true;
      },
    }));
  }

  /** Waits while the replica does not read. @throws ReplicaLost */
  async room(): Promise<void> {
    while (this.#behind !== undefined) await this.#turn();
    await this.#roomFor(MAX_OUTPUT_BYTES);
  }

  async #roomFor(limitBytes: number): Promise<void> {
    while (this.#lost === undefined && this.#outputBytes() > limitBytes) await this.#turn();
    if (this.#lost !== undefined) throw this.#lost;
  }

  /** Until something was taken, or ended. */
  #turn(): Promise<void> {
    return new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  async startTls(): Promise<void> {
    await this.#connection.startTls();
  }

  get isSecure(): boolean {
    return this.#connection.tls !== undefined;
  }

  startDeflate(): void {
    this.#deflate = new DeflateLayer({
      plain: (chunk) => this.#read(chunk),
      packed: (chunk) => {
        this.#connection.write(chunk);
        this.#onDrain();
      },
      drained: () => this.#onDrain(),
      failed: (error) => this.#lose(`bad compressed data: ${error.message}`),
    });
  }

  /** Says goodbye when it still can. */
  async close(): Promise<void> {
    if (this.#lost === undefined) {
      const goodbye =
        this.#nextTag === undefined
          ? this.plain("EXIT")
          : this.exchange("Q01 LOGOUT", (line) => line.startsWith("Q01 "));
      await goodbye.catch(() => undefined);
    }
    this.#lose("closed");
  }

  destroy(): void {
    this.#lose("closed");
  }

  #outputBytes(): number {
    return this.#connection.bufferedBytes + (this.#deflate?.waitingBytes ?? 0);
  }

  #onDrain(): void {
    for (const resume of this.#drained.splice(0)) resume();
  }

  #write(bytes: Buffer): void {
    if (this.#behind === undefined) this.#writeNow(bytes);
    else this.#behind.push(bytes);
  }

  #writeNow(bytes: Buffer): void {
    if (this.#lost !== undefined) return;
    if (this.#deflate === undefined) this.#connection.write(bytes);
    else this.#deflate.send(bytes);
  }

  #receive(chunk: Buffer): void {
    this.#lastHeardMs = this.#clock.monotonicMs();
    if (this.#deflate === undefined) this.#read(chunk);
    else this.#deflate.receive(chunk);
  }

  #read(bytes: Buffer): void {
    try {
      this.#framer.push(bytes);
    } catch (error) {
      if (!(error instanceof SyncProtocolError)) throw error;
      this.#lose(`the replica's answer cannot be read: ${error.message}`);
    }
  }

  #takeLine(line: Buffer): void {
    const first = this.#waiting[0];
    if (first === undefined || BYE.test(line.toString("latin1", 0, 6))) {
      this.#lose(`the replica said ${line.toString("latin1", 0, 200)}`);
    } else if (first.take(line)) this.#waiting.shift();
  }

  #takeFile(header: FileHeader): FileSink {
    if (header.sizeBytes > MAX_FILE_BYTES) throw new SyncProtocolError("file too long");
    const body = Buffer.allocUnsafeSlow(header.sizeBytes);
    let at = 0;
    return {
      write: (chunk) => void (at += chunk.copy(body, at)),
      end: () => this.#waiting[0]?.takeFile(header, body),
    };
  }

  #takeTag(): string {
    return this.#nextTag === undefined ? "" : `S${this.#nextTag++}`;
  }

  #answer(name: string, handlers: AnswerHandlers, tag: string): Promise<string> {
    const begin = tag === "" ? 0 : tag.length + 1;
    return this.#await<string>((resolve, reject) => ({
      take: (line) => {
        if (line[0] === STAR && line[1] === STAR) {
          handlers.header?.(new DlistReader(line, 3));
          return false;
        }
        if (line[0] === STAR || line[0] === PLUS) {
          const reader = new DlistReader(line, 2);
          const key = reader.word();
          if (reader.atEnd) handlers.bare?.(key);
          else handlers.line?.(key, reader.sp());
          return false;
        }
        if (line.toString("latin1", 0, begin) !== (tag === "" ? "" : `${tag} `)) {
          // Not the answer to this command: nobody could follow.
          this.#lose(`the replica said ${line.toString("latin1", 0, 200)}`);
          return false;
        }
        const text = line.toString("latin1", begin, begin + 1000);
        if (/^OK\b/.test(text)) resolve(text);
        else reject(new ReplicaRefusal(name, text));
        return true;
      },
      takeFile: (header, body) => handlers.file?.(header, body),
      takeRecords: handlers.records,
    }));
  }

  #await<Answer>(
    waiting: (
      resolve: (answer: Answer) => void,
      reject: (error: Error) => void,
    ) => Pick<Waiting, "take"> & Partial<Pick<Waiting, "takeFile" | "takeRecords">>,
  ): Promise<Answer> {
    const lost = this.#lost;
    if (lost !== undefined) return Promise.reject(lost);
    return new Promise<Answer>((resolve, reject) => {
      this.#waiting.push({ takeFile() {}, ...waiting(resolve, reject), fail: reject });
    });
  }

  #watchSilence(): void {
    this.#timer = this.#clock.setTimer(this.#timeoutMs, () => {
      const silentMs = this.#clock.monotonicMs() - this.#lastHeardMs;
      if (this.#waiting.length === 0 || silentMs < this.#timeoutMs) this.#watchSilence();
      else this.#lose("the replica is silent");
    });
  }

  #lose(reason: string): void {
    if (this.#lost !== undefined) return;
    this.#lost = new ReplicaLost(reason);
    this.#timer?.cancel();
    this.#connection.destroy();
    this.#deflate?.close();
    for (const waiting of this.#waiting.splice(0)) waiting.fail(this.#lost);
    this.#onDrain();
  }
}

/** What stands before the words of a command: SYNC belongs to its word. */
function inside(tag: string): string {
  return tag === "" ? "" : `${tag} SYNC`;
}
