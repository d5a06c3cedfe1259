/**
 * What a FETCH attribute is to the engine (`engine.ts`): what it needs and how it is written. Each attribute or small
 * family is one file; `attributes.ts` is the table.
 */
import type { MessageSummary } from "../../mime/summary.ts";
import type { Output } from "../../wire/output.ts";
import type { Reader } from "../codec/reader.ts";
import type { Selected } from "../selected.ts";
import type { Session } from "../session.ts";

/** One message while it is written. The engine reuses the object from message to message. */
export interface FetchedMessage {
  readonly session: Session;
  readonly selected: Selected;
  /** Position in `selected.view`. */
  readonly index: number;
  readonly uid: number;
  readonly sequence: number;
  /** There when an item needs "summary". */
  readonly summary: MessageSummary;
  /** Bytes start..end of the message; only inside ranges that items asked for. Clipped to the end of the message. */
  slice(start: number, end: number): Buffer;
}

export interface ByteRange {
  readonly start: number;
  /** Exclusive; may be beyond the end. */
  readonly end: number;
}

export interface FetchItem {
  /** "view": columns only. "summary": what delivery parsed. */
  readonly needs: "view" | "summary";
  /** Bytes of the body this item will `slice`; undefined = none of this message. `summary` as in `needs`. */
  readonly range?: (summary: MessageSummary, message: FetchedMessage) => ByteRange | undefined;
  /** Its range is the whole of every message. */
  readonly readsAll?: boolean;
  /** Reading it marks the message as \Seen (RFC 9051 §6.4.5, BODY without .PEEK). */
  readonly setsSeen?: boolean;
  /** Before anything of the message is written. @throws ImapRefusal: the FETCH ends here, with NO */
  check?(message: FetchedMessage): void;
  /** Writes `NAME value`, no spaces around. Must not throw refusals: half a response cannot be taken back. */
  write(out: Output, message: FetchedMessage): void;
}

export interface FetchAttribute {
  /** As on the wire, upper case, up to the first byte that is no letter, digit or ".". */
  readonly name: string;
  /** Reads what follows the name (a section, arguments) and makes the item. */
  parse(reader: Reader, session: Session): FetchItem;
}

/** An attribute without arguments. */
export function plainAttribute(name: string, item: FetchItem): FetchAttribute {
  return { name, parse: () => item };
}

/** From the columns of the view only. */
export function viewItem(write: FetchItem["write"]): FetchItem {
  return { needs: "view", write };
}
