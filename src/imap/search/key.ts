/** How search keys are declared and read: RFC 9051 §6.4.4. The table is `keys.ts`; a new key is a line there. */
import { decodeCharset } from "../../mime/charset.ts";
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

/** For comparison in any case: RFC 9051 §6.4.4 leaves the collation open; this is lower case over normal form C. */
export function fold(text: string): string {
  return (/^[\0-\x7f]*$/.test(text) ? text : text.normalize("NFC")).toLowerCase();
}

export function readNeedle(reader: Reader, charset: string): string {
  return fold(decodeCharset(reader.sp().astringBytes(), charset));
}
