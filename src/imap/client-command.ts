/** What callers of the IMAP client give it and get from it. */
import type { StagedBody } from "../store/port.ts";
import type { StatusLine, Untagged } from "./codec/response.ts";

export interface ImapClientOptions {
  /** The largest literal taken from the server. */
  readonly maxLiteralBytes: number;
  /** The longest response line, literals not counted. */
  readonly maxLineBytes: number;
  /** Literals are sent without waiting (the server announced LITERAL+). */
  readonly literalPlus: boolean;
  /** Those up to this many bytes are sent without waiting (LITERAL-, RFC 7888 §5: 4096). */
  readonly literalMinusBytes: number;
  /** Hears of every command; set after the login, since passwords are commands too. */
  readonly observe?: (command: readonly CommandPart[]) => void;
}

/** A literal that is not in memory. */
export interface StreamedLiteral {
  readonly sizeBytes: number;
  /** Exactly `sizeBytes` of them. */
  chunks(): AsyncIterable<Buffer>;
}

/** Text as it stands, and literals. `["a SELECT ", Buffer]` without the tag. */
export type CommandPart = string | Buffer | StreamedLiteral;

/** Where the bytes of a received literal go instead of memory. */
export interface LiteralSink {
  /** The next piece is given after it resolves. */
  write(chunk: Buffer): Promise<void> | void;
  finish(): Promise<StagedBody>;
  /** The connection ended in the middle. */
  discard(): void;
}

export interface CommandWishes {
  /** Called with the text of each `+` line that no literal waits for: AUTHENTICATE, IDLE. */
  readonly continued?: ((text: string) => void) | undefined;
  /** Takes a response as it comes; true = it need not be kept for the result. */
  readonly untagged?: ((response: Untagged) => boolean) | undefined;
}

export interface CommandResult extends StatusLine {
  readonly untagged: readonly Untagged[];
}

/** The connection ended, or the server does not speak IMAP. */
export class ImapClientError extends Error {
  override name = "ImapClientError";
}

/** For logs: literals as their size. */
export function printCommand(parts: readonly CommandPart[]): string {
  return parts
    .map((part) =>
      typeof part === "string" ? part : `{${Buffer.isBuffer(part) ? part.length : part.sizeBytes}}`,
    )
    .join("");
}

export function isOnePart(parts: CommandPart | readonly CommandPart[]): parts is CommandPart {
  return !Array.isArray(parts);
}
