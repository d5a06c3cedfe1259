/**
 * Server responses as a client reads them: RFC 9051 §7 and §9 response. The frame is the command framer's: lines with
 * literals apart; values are made only when asked for.
 */
import { bad } from "../refusal.ts";
import type { Frame } from "./framer.ts";
import { Reader } from "./reader.ts";

/** Anything in a response: NIL, atom or number as text, string, list. */
export type Value = undefined | string | Buffer | readonly Value[];

export type ResponseStatus = "OK" | "NO" | "BAD" | "BYE" | "PREAUTH";

export interface StatusLine {
  readonly status: ResponseStatus;
  /** Code without brackets: `UIDNEXT 5`. */
  readonly code: string | undefined;
  readonly text: string;
}

/** One untagged response. */
export interface Untagged {
  /** Upper case: EXISTS, FETCH, LIST, OK … */
  readonly name: string;
  /** The number before EXISTS, EXPUNGE, FETCH; otherwise undefined. */
  readonly number: number | undefined;
  /** Behind the name, before the space. A new one at each call. */
  arguments(): Reader;
}

const STATUSES: ReadonlySet<string> = new Set(["OK", "NO", "BAD", "BYE", "PREAUTH"]);

/** Behind `* `. @throws ImapRefusal for what is no response */
export function readUntagged(frame: Frame): Untagged {
  const reader = new Reader(frame);
  reader.expect("*").sp();
  let number: number | undefined;
  if (reader.peek() >= 0x30 && reader.peek() <= 0x39) {
    number = reader.number();
    reader.sp();
  }
  const name = reader.keyword();
  return {
    name,
    number,
    arguments() {
      const copy = new Reader(frame);
      copy.expect("*").sp();
      if (number !== undefined) {
        copy.number();
        copy.sp();
      }
      copy.keyword();
      return copy;
    },
  };
}

/** resp-cond-state behind the tag and its space: `OK [CODE] text`. */
export function readStatusLine(reader: Reader): StatusLine {
  const status = reader.keyword();
  if (!STATUSES.has(status)) throw bad(`Unknown status "${status}"`);
  return readStatusText(status as ResponseStatus, reader);
}

/** Behind `OK`. */
function readStatusText(status: ResponseStatus, reader: Reader): StatusLine {
  reader.skip(" ");
  const rest = reader.rest();
  const match = /^\[((?:[^\]"]|"(?:[^"\\]|\\.)*")*)\] ?(.*)$/s.exec(rest);
  return { status, code: match?.[1], text: match?.[2] ?? rest };
}

/** What the server said, for messages: with its code, which tells more than many a text. */
export function saidText({ code, text }: StatusLine): string {
  return code === undefined ? text : `[${code}] ${text}`;
}

export function readBye(response: Untagged): string {
  return saidText(readStatusText("BYE", response.arguments()));
}

/** `(NAME value …)` of a FETCH response: name → value, names upper case with their section: `BODY[1.MIME]`, `BODY[]<0>`. */
export function readFetchValues(reader: Reader): Map<string, Value> {
  const values = new Map<string, Value>();
  reader.skip(" ");
  reader.expect("(");
  while (!reader.skip(")")) {
    if (values.size > 0) reader.sp();
    let name = reader.word();
    if (reader.skip("[")) {
      name += `[${reader.until("]").toUpperCase()}]`;
      reader.expect("]");
      if (reader.skip("<")) {
        name += `<${reader.until(">")}>`;
        reader.expect(">");
      }
    }
    values.set(name, readValue(reader.sp()));
  }
  return values;
}

export function readValue(reader: Reader): Value {
  if (reader.peekIs("(")) {
    reader.deeper();
    reader.expect("(");
    const list: Value[] = [];
    // Lists of lists may stand side by side without a space: envelope addresses, body parts.
    while (!reader.skip(")")) {
      if (list.length > 0) reader.skip(" ");
      list.push(readValue(reader));
    }
    reader.shallower();
    return list;
  }
  if (reader.peekIs('"') || reader.peekIs("{") || reader.peekIs("~")) return reader.receivedString();
  const atom = reader.peekIs("\\") ? reader.flag() : reader.astringBytes().toString("utf8");
  return atom.toUpperCase() === "NIL" ? undefined : atom;
}
