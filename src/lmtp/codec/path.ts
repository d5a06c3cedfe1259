/**
 * Envelope paths and their parameters: RFC 5321 §4.1.2, RFC 6531 §3.3.
 *
 *   Reverse-path = Path / "<>"
 *   Path         = "<" [ A-d-l ":" ] Mailbox ">"        A-d-l (source route) is read and ignored, §4.1.1.3
 *   Mailbox      = Local-part [ "@" ( Domain / address-literal ) ]
 *   Local-part   = Dot-string / Quoted-string
 *   esmtp-param  = keyword [ "=" value ]
 *
 * The domain may be missing: LMTP recipients are often plain user names.
 */
import { SyntaxRefusal } from "./syntax-refusal.ts";

/** RFC 5321 §4.5.3.1.3 asks for 256; quoted and UTF-8 addresses can be longer. */
export const MAX_PATH_BYTES = 1_024;

export interface Path {
  /** Address without brackets, quotes around the local part undone; "" = the null reverse-path. */
  readonly address: string;
  /** The address as it stands between brackets: quotes kept, source route gone. */
  readonly text: string;
  readonly isAscii: boolean;
}

export interface PathArgument {
  readonly path: Path;
  /** Keywords in upper case. */
  readonly parameters: ReadonlyMap<string, string | undefined>;
}

/** Reads `FROM:<path> params` or `TO:<path> params`, the keyword given with its colon. @throws SyntaxRefusal */
export function parsePathArgument(argument: string, keyword: "FROM:" | "TO:"): PathArgument {
  if (argument.slice(0, keyword.length).toUpperCase() !== keyword)
    throw new SyntaxRefusal(`Expected ${keyword}<address>`);
  // Some clients put a space behind the colon; RFC 5321 §4.1.1.2 forbids it, everybody accepts it.
  let at = keyword.length;
  while (argument[at] === " ") at += 1;
  const end = endOfPath(argument, at);
  const path = parsePath(argument.slice(at + 1, end));
  return { path, parameters: parseParameters(argument.slice(end + 1)) };
}

/** Offset of the ">" that closes the path starting at `start`, quoted strings skipped. */
function endOfPath(text: string, start: number): number {
  if (text[start] !== "<") throw new SyntaxRefusal("An address stands in angle brackets");
  let quoted = false;
  for (let at = start + 1; at < text.length; at += 1) {
    const char = text[at];
    if (char === "\\" && quoted) at += 1;
    else if (char === '"') quoted = !quoted;
    else if (char === ">" && !quoted) return at;
  }
  throw new SyntaxRefusal("The address has no closing bracket");
}

/** `text` is what stands between the brackets. */
function parsePath(text: string): Path {
  if (Buffer.byteLength(text) > MAX_PATH_BYTES) throw new SyntaxRefusal("The address is too long");
  if (text === "") return { address: "", text: "", isAscii: true };
  let mailbox = text;
  if (text.startsWith("@")) {
    const colon = text.indexOf(":");
    if (colon < 0) throw new SyntaxRefusal("The source route has no end");
    mailbox = text.slice(colon + 1);
  }
  const { local, rest } = mailbox.startsWith('"') ? quotedLocal(mailbox) : plainLocal(mailbox);
  if (local === "") throw new SyntaxRefusal("The address has no local part");
  if (rest === "") return { address: local, text: mailbox, isAscii: isAscii(local) };
  if (!rest.startsWith("@") || !isDomain(rest.slice(1)))
    throw new SyntaxRefusal("The domain of the address is not valid");
  return { address: local + rest, text: mailbox, isAscii: isAscii(local + rest) };
}

function plainLocal(mailbox: string): { local: string; rest: string } {
  const at = mailbox.lastIndexOf("@");
  const local = at < 0 ? mailbox : mailbox.slice(0, at);
  // More than RFC 5321's atext, since "a..b@" and "a.@" are in use; no specials, spaces or controls.
  if (/[\s\p{Cc}"(),:;<>[\]\\@]/u.test(local))
    throw new SyntaxRefusal("The local part of the address is not valid");
  return { local, rest: at < 0 ? "" : mailbox.slice(at) };
}

function quotedLocal(mailbox: string): { local: string; rest: string } {
  let local = "";
  for (let at = 1; at < mailbox.length; at += 1) {
    let char = mailbox[at] ?? "";
    if (char === '"') return { local, rest: mailbox.slice(at + 1) };
    if (char === "\\") {
      at += 1;
      char = mailbox[at] ?? "";
    }
    if (/\p{Cc}/u.test(char)) throw new SyntaxRefusal("The local part of the address is not valid");
    local += char;
  }
  throw new SyntaxRefusal("The quoted local part has no end");
}

function isDomain(text: string): boolean {
  if (text.startsWith("[")) return /^\[[\x21-\x5a\x5e-\x7e]{1,255}\]$/.test(text);
  return (
    text.length <= 255 && /^[\p{L}\p{N}\p{M}_](?:[\p{L}\p{N}\p{M}_.-]*[\p{L}\p{N}\p{M}_])?\.?$/u.test(text)
  );
}

function parseParameters(text: string): Map<string, string | undefined> {
  const parameters = new Map<string, string | undefined>();
  if (text === "") return parameters;
  if (!text.startsWith(" ")) throw new SyntaxRefusal("Expected a space behind the address");
  for (const word of text.split(" ")) {
    if (word === "") continue;
    const match = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([^=\p{Cc}\s]+))?$/u.exec(word);
    if (match === null) throw new SyntaxRefusal("A parameter is not valid");
    const keyword = (match[1] ?? "").toUpperCase();
    if (parameters.has(keyword)) throw new SyntaxRefusal(`Parameter ${keyword} stands twice`);
    parameters.set(keyword, match[2]);
  }
  return parameters;
}

/** Writes a path as it stands in a command: the local part quoted where it has to be. */
export function printPath(address: string): string {
  if (address === "") return "<>";
  const at = address.lastIndexOf("@");
  const local = at < 0 ? address : address.slice(0, at);
  const domain = at < 0 ? "" : address.slice(at);
  if (!/[\s\p{Cc}"(),:;<>[\]\\@]/u.test(local)) return `<${local}${domain}>`;
  return `<"${local.replace(/["\\]/g, "\\$&")}"${domain}>`;
}

function isAscii(text: string): boolean {
  return /^[\x00-\x7f]*$/.test(text);
}
