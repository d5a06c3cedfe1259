/** How search keys are declared and read: RFC 9051 §6.4.4. The table is `keys.ts`; a new key is a line there. */
import { decodeCharset } from "../../mime/charset.ts";
import { fold } from "../../mime/fold.ts";
import type { CommandCall } from "../command.ts";
import type { Reader } from "../codec/reader.ts";
import type { Session } from "../session.ts";
import type { Matcher } from "./matcher.ts";

export interface SearchKey {
  /** Upper case. */
  readonly name: string;
  parse(parser: SearchParser): Matcher;
}

/** Reads one SEARCH program. */
export interface SearchParser {
  readonly reader: Reader;
  readonly session: Session;
  readonly call: CommandCall;
  /** SP search-key. */
  key(): Matcher;
  /** SP astring, in the charset of the command, folded for comparison. */
  needle(): string;
}

export function readNeedle(reader: Reader, charset: string): string {
  return fold(decodeCharset(reader.sp().astringBytes(), charset));
}
