/**
 * Lines of a sync peer, one at a time: input waits while a command runs, while bodies go to disk, or while the peer does
 * not read its answers, so that neither side can grow memory.
 */
import { SyncProtocolError } from "./codec/errors.ts";
import {
  type FileHeader,
  type FileSink,
  type FrameHandlers,
  MAX_LINE_BYTES,
  MAX_LITERAL_BYTES,
  SyncFramer,
} from "./codec/framer.ts";
import type { RecordSpool } from "./record-spool.ts";

/** Lines that came while a command runs; Cyrus sends one at a time, a pipelining client waits at this bound. */
const MAX_WAITING_LINES = 64;

/** Before the login: tickets and tokens are the longest. */
const STRANGERS_LINE_BYTES = 64 * 1024;

/** Where the bytes go and how the peer is made to wait. */
export interface LineCarrier {
  write(bytes: Buffer): void;
  pause(): void;
  resume(): void;
  /** Answers that the peer has not taken. */
  waitingOutputBytes(): number;
  /** Runs one line; what it returns is sent, "" = nothing. */
  run(line: Buffer, records: RecordSpool | undefined): Promise<string>;
  /** The stream cannot be followed any further; `reply` is the last thing to say. */
  broken(reply: string): void;
  /** A bug: the session ends. */
  crashed(error: unknown): void;
}

/** Who takes message bodies that stand beside the lines. */
export interface BodyIntake {
  openFile(header: FileHeader): FileSink;
  /** Takes the records of a long line, whose beginning is `head`. */
  openRecords?(head: Buffer): RecordSpool | undefined;
  /** True while more should not be read from the peer. */
  readonly isBehind: boolean;
  /** Resolves when it has caught up. */
  idle(): Promise<void>;
  /** Forgets what was taken and not filed. */
  restart(): void;
}

interface WaitingLine {
  readonly bytes: Buffer;
  readonly records: RecordSpool | undefined;
}

export class LineStream {
  readonly #carrier: LineCarrier;
  readonly #intake: BodyIntake;
  readonly #maxOutputBytes: number;
  readonly #maxLiteralBytes: number;
  readonly #framer: SyncFramer;
  readonly #lines: WaitingLine[] = [];
  /** Of the line that is coming. */
  #records: RecordSpool | undefined;
  #isBusy = false;
  #isEnded = false;
  #isPaused = false;
  #drained: (() => void) | undefined;

  constructor(
    carrier: LineCarrier,
    intake: BodyIntake,
    maxOutputBytes: number,
    maxLiteralBytes = MAX_LITERAL_BYTES,
  ) {
    this.#carrier = carrier;
    this.#intake = intake;
    this.#maxOutputBytes = maxOutputBytes;
    this.#maxLiteralBytes = maxLiteralBytes;
    const handlers: FrameHandlers = {
      line: (bytes) => {
        this.#lines.push({ bytes, records: this.#records });
        this.#records = undefined;
        void this.#pump();
      },
      records: (head) => (this.#records = intake.openRecords?.(head)),
      file: (header) => intake.openFile(header),
    };
    this.#framer = new SyncFramer(handlers, maxLiteralBytes);
  }

  /** Whoever has not logged in may say little: no literals, and lines as long as SASL needs. */
  boundTo(who: "strangers" | "peers"): void {
    if (who === "strangers") this.#framer.bound(STRANGERS_LINE_BYTES, 0);
    else this.#framer.bound(MAX_LINE_BYTES, this.#maxLiteralBytes);
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  push(bytes: Buffer): void {
    if (this.#isEnded) return;
    try {
      this.#framer.push(bytes);
    } catch (error) {
      if (!(error instanceof SyncProtocolError)) throw error;
      // Where the next command starts cannot be known any more.
      this.#isEnded = true;
      this.#carrier.broken(`BAD IMAP_PROTOCOL_ERROR ${error.message}`);
    }
    this.#throttle();
  }

  /** Sends a response line and waits while the peer does not read. */
  async send(pieces: readonly Buffer[]): Promise<void> {
    for (const piece of pieces) this.#carrier.write(piece);
    await this.#room();
  }

  /** Forgets lines that came in the clear before STARTTLS. */
  clear(): void {
    this.#lines.length = 0;
  }

  drained(): void {
    const drained = this.#drained;
    this.#drained = undefined;
    drained?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#intake.restart();
    this.#records?.release();
    for (const { records } of this.#lines) records?.release();
    this.drained();
  }

  #throttle(): void {
    if (this.#lines.length > MAX_WAITING_LINES || this.#intake.isBehind) this.#pause();
    else this.#resume();
  }

  #pause(): void {
    if (this.#isPaused || this.#isEnded) return;
    this.#isPaused = true;
    this.#carrier.pause();
    void this.#intake.idle().then(() => this.#throttle());
  }

  #resume(): void {
    if (!this.#isPaused || this.#isEnded) return;
    this.#isPaused = false;
    this.#carrier.resume();
  }

  async #pump(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let line = this.#lines.shift(); line !== undefined && !this.#isEnded; line = this.#lines.shift()) {
        const reply = await this.#carrier
          .run(line.bytes, line.records)
          .finally(() => line.records?.release());
        if (reply !== "") this.#carrier.write(Buffer.from(`${reply}\r\n`, "utf8"));
        await this.#room();
        this.#throttle();
      }
    } catch (error) {
      this.#isEnded = true;
      this.#carrier.crashed(error);
    } finally {
      this.#isBusy = false;
    }
  }

  async #room(): Promise<void> {
    while (!this.#isEnded && this.#carrier.waitingOutputBytes() > this.#maxOutputBytes) {
      await new Promise<void>((resolve) => (this.#drained = resolve));
    }
  }
}
