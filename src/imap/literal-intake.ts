/** Decides on each literal before its bytes are read (RFC 9051 §4.3, RFC 7888): refused, kept in memory, or staged. */
import { assert } from "../base/assert.ts";
import type { BodyWriter } from "../store/port.ts";
import type { AnnouncedLiteral, Framer } from "./codec/framer.ts";
import { Reader } from "./codec/reader.ts";
import type { Command } from "./command.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { bad, no, type ImapRefusal } from "./refusal.ts";
import { refusalOf } from "./reply.ts";
import type { Session } from "./session.ts";

/** Messages up to this size are kept in memory until their command runs; larger ones are staged in the store. */
const MAX_MESSAGE_IN_MEMORY_BYTES = 64 * 1024;
/** What all literals of one command may hold in memory together. */
const MAX_LITERALS_IN_MEMORY_BYTES = 1024 * 1024;
/** Waiting-free literals before login: RFC 7888 §5 (LITERAL-). */
const MAX_UNASKED_LITERAL_BYTES = 4096;
/** Literals before login: credentials are small. */
const MAX_LITERAL_BEFORE_LOGIN_BYTES = 16 * 1024;
/** Longer tags are not repeated in refusals of what could not be read. */
const MAX_REPEATED_TAG_CHARACTERS = 128;

export class LiteralIntake {
  readonly #session: Session;
  readonly #framer: Framer;
  readonly #dispatcher: Dispatcher;
  #staging: BodyWriter | undefined;
  #literalBytes = 0;

  constructor(session: Session, framer: Framer, dispatcher: Dispatcher) {
    this.#session = session;
    this.#framer = framer;
    this.#dispatcher = dispatcher;
  }

  /** A new command begins. */
  reset(): void {
    this.#literalBytes = 0;
  }

  /** The session ended. */
  discard(): void {
    this.#staging?.discard();
    this.#staging = undefined;
  }

  announced(announced: AnnouncedLiteral): void {
    const reader = new Reader({ text: announced.text, literals: [] });
    const tag = reader.tag();
    let command: Command | undefined;
    if (tag !== undefined && reader.skip(" ")) {
      const name = reader.peekKeyword();
      command = this.#dispatcher.find(name === "UID" ? reader.atom() && reader.sp().peekKeyword() : name);
    }
    const { sizeBytes, synchronizing } = announced;
    const refusal = this.#refusalOf(announced, command);
    if (refusal !== undefined) {
      this.#framer.refuseLiteral();
      this.#literalBytes = 0;
      this.#dispatcher.refuse(tag, refusal);
      return;
    }
    const inMemory =
      command?.takesMessages !== true ||
      (sizeBytes <= MAX_MESSAGE_IN_MEMORY_BYTES &&
        this.#literalBytes + sizeBytes <= MAX_LITERALS_IN_MEMORY_BYTES);
    if (inMemory) {
      this.#literalBytes += sizeBytes;
      this.#framer.acceptLiteral();
    } else {
      this.#staging = this.#session.services.store.stage(sizeBytes);
      this.#framer.streamLiteral();
    }
    if (synchronizing) this.#session.continuation("Ready for literal data");
  }

  /** A piece of a message on its way into the store; the next is read when the store has taken this one. */
  stage(bytes: Buffer, last: boolean): void {
    const writer = this.#staging;
    assert(writer !== undefined, "a literal is streamed and nothing takes it");
    this.#dispatcher.hold("literal");
    const taken = async (): Promise<void> => {
      if (bytes.length > 0) await writer.write(bytes);
      if (!last) return;
      const body = await writer.finish();
      this.#staging = undefined;
      if (this.#session.ended) body.release();
      else this.#framer.literalStaged(body);
    };
    taken().then(
      () => this.#dispatcher.resume(),
      (error: unknown) => this.#failed(error),
    );
  }

  #failed(error: unknown): void {
    this.discard();
    const refusal = refusalOf(error);
    if (this.#session.ended) return;
    if (refusal === undefined || this.#framer.pendingText === undefined) {
      this.#dispatcher.crash(error, "literal");
      return;
    }
    const tag = tagOf(this.#framer.pendingText);
    this.#framer.abandonCommand();
    this.#dispatcher.refuse(tag, refusal);
    this.#dispatcher.resume();
  }

  #refusalOf(announced: AnnouncedLiteral, command: Command | undefined): ImapRefusal | undefined {
    const { sizeBytes, synchronizing } = announced;
    const { identity, services } = this.#session;
    const { maxLiteralBytes, maxMessageBytes } = services.settings;
    if (command === undefined) return bad("Unknown command");
    if (identity === undefined) {
      if (!synchronizing && sizeBytes > MAX_UNASKED_LITERAL_BYTES) {
        return bad("Literal needs to wait for its continuation", "TOOBIG");
      }
      return sizeBytes > MAX_LITERAL_BEFORE_LOGIN_BYTES ? no("Literal too long", "TOOBIG") : undefined;
    }
    if (command.takesMessages) {
      return maxMessageBytes > 0 && sizeBytes > maxMessageBytes ? no("Message too big", "TOOBIG") : undefined;
    }
    return sizeBytes > maxLiteralBytes || this.#literalBytes + sizeBytes > MAX_LITERALS_IN_MEMORY_BYTES
      ? no("Literal too long", "TOOBIG")
      : undefined;
  }
}

/** Of the beginning of a command; undefined when it has none that could be repeated. */
export function tagOf(text: Buffer): string | undefined {
  const tag = new Reader({ text, literals: [] }).tag();
  return tag !== undefined && tag.length <= MAX_REPEATED_TAG_CHARACTERS ? tag : undefined;
}
