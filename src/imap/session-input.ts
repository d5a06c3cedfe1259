/**
 * What comes from the client: bytes → frames → commands, one after the other. Input waits unread while a command runs
 * or the reader is slow, and stops the connection above its bound.
 */
import { assert } from "../base/assert.ts";
import { Framer, type AnnouncedLiteral, type FrameEvent } from "./codec/framer.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Command } from "./command.ts";
import { LiteralIntake, tagOf } from "./literal-intake.ts";
import { bad } from "./refusal.ts";
import type { Session } from "./session.ts";

/** Input that waits for a running command; above it the connection is paused. */
const MAX_WAITING_INPUT_BYTES = 256 * 1024;

export class SessionInput {
  readonly framer: Framer;
  readonly dispatcher: Dispatcher;
  readonly #session: Session;
  readonly #literals: LiteralIntake;
  #pumping = false;
  #paused = false;
  #lineWaiter: ((line: Buffer | undefined) => void) | undefined;

  constructor(session: Session, table: ReadonlyMap<string, Command>) {
    this.#session = session;
    this.framer = new Framer(session.services.settings.maxLineBytes);
    this.dispatcher = new Dispatcher(session, table, () => this.pump());
    this.#literals = new LiteralIntake(session, this.framer, this.dispatcher);
  }

  /** No command is being worked on, or it waits for a line. */
  get isQuiet(): boolean {
    return this.dispatcher.running === undefined || this.#lineWaiter !== undefined;
  }

  push(chunk: Buffer): void {
    this.framer.push(chunk);
    this.pump();
  }

  /** The next line of the client; undefined when the connection ended. */
  nextLine(): Promise<Buffer | undefined> {
    assert(this.#lineWaiter === undefined, "two wait for one line");
    return new Promise((resolve) => {
      if (this.#session.ended) resolve(undefined);
      else {
        this.#lineWaiter = resolve;
        // Not from inside the pump: the line may be there already.
        queueMicrotask(() => this.pump());
      }
    });
  }

  /** The session ended. */
  end(): void {
    this.#literals.discard();
    this.#takeWaiter()?.(undefined);
  }

  pump(): void {
    if (this.#pumping) return;
    const session = this.#session;
    this.#pumping = true;
    try {
      while (!session.ended && this.isQuiet && !session.isReaderSlow) {
        const event = this.framer.next();
        if (event === undefined) break;
        this.#handle(event);
        if (session.isTurnOver) {
          session.shared.turns.later(() => this.pump());
          break;
        }
      }
    } catch (error) {
      this.dispatcher.crash(error, "reading");
    } finally {
      this.#pumping = false;
    }
    if (session.ended) return;
    if (this.dispatcher.running === undefined) session.out.flush();
    const tooMuch = this.framer.waitingBytes > MAX_WAITING_INPUT_BYTES;
    if (tooMuch === this.#paused) return;
    this.#paused = tooMuch;
    if (tooMuch) session.connection.pause();
    else session.connection.resume();
  }

  #handle(event: FrameEvent): void {
    switch (event.kind) {
      case "frame": {
        const waiter = this.#takeWaiter();
        this.#literals.reset();
        if (waiter === undefined) this.dispatcher.execute(event.frame);
        else waiter(event.frame.text);
        break;
      }
      case "literal":
        this.#literalAnnounced(event.announced);
        break;
      case "chunk":
        this.#literals.stage(event.bytes, event.last);
        break;
      case "tooLong":
        this.#literals.reset();
        this.dispatcher.refuse(tagOf(event.text), bad("Command line too long", "TOOBIG"));
        break;
    }
  }

  #literalAnnounced(announced: AnnouncedLiteral): void {
    const waiter = this.#takeWaiter();
    if (waiter === undefined) {
      this.#literals.announced(announced);
      return;
    }
    // No line of AUTHENTICATE or IDLE ends like a literal; the command gets it as it stands and refuses it.
    this.framer.refuseLiteral();
    waiter(Buffer.from(announced.text));
  }

  #takeWaiter(): ((line: Buffer | undefined) => void) | undefined {
    const waiter = this.#lineWaiter;
    this.#lineWaiter = undefined;
    return waiter;
  }
}
