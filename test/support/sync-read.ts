/** Everything that a user can read of his mailboxes over IMAP, as text that two servers can be compared by. */
import { createHash } from "node:crypto";
import { connect } from "node:net";

export interface ReadServer {
  readonly endpoint: { readonly host: string; readonly port: number };
  /** The user himself. */
  readonly login: readonly [string, string];
}

/** Mailbox → a line for each message, then what hangs on the mailbox. */
export async function readAll(server: ReadServer): Promise<ReadonlyMap<string, readonly string[]>> {
  const listed = await say(server, ['LIST "" "*"', 'LSUB "" "*"', "GETQUOTAROOT INBOX"]);
  const found = new Map<string, readonly string[]>();
  const names = [...listed.matchAll(/^\* LIST \(([^)]*)\) "\/" "?([^"\r\n]*)"?\r$/gm)]
    .filter(([, attributes = ""]) => !/\\(?:Noselect|NonExistent)/i.test(attributes))
    .map((match) => match[2]!);
  const subscribed = linesOf(listed, /^\* LSUB \([^)]*\) "\/" "?([^"\r\n]*)"?\r$/gm);
  // Cyrus does not list those of mailboxes that are gone.
  found.set(
    "* subscribed",
    subscribed.filter((name) => names.includes(name)),
  );
  found.set("* quota", linesOf(listed, /^\* QUOTA [^(]*\(([^)]*)\)\r$/gm));
  const commands = names.flatMap((name) => [
    `EXAMINE "${name}"`,
    "UID FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ANNOTATION (/comment (value.priv value.shared)) BODY.PEEK[])",
    `MYRIGHTS "${name}"`,
    `GETMETADATA "${name}" (/private/comment /shared/comment)`,
  ]);
  const answers = (await say(server, commands)).split(/^(?=t\d+ )/m);
  for (const [index, name] of names.entries()) {
    // The answer of a command stands before its last line, which begins the next piece.
    const [examined = "", fetched = "", rights = "", metadata = ""] = answers.slice(
      4 * index + 1,
      4 * index + 5,
    );
    found.set(name, [
      ...linesOf(examined, /^\* OK \[(UIDVALIDITY \d+|HIGHESTMODSEQ \d+)\]/gm),
      ...messagesOf(fetched),
      ...linesOf(rights, /^\* MYRIGHTS \S+ (.*)\r$/gm),
      ...linesOf(metadata.replaceAll(/"(\/\S+)"/g, "$1"), /^\* METADATA \S+ \((.*)\)\r$/gm),
    ]);
  }
  return found;
}

function messagesOf(answer: string): string[] {
  const lines: string[] = [];
  let at = 0;
  for (;;) {
    const head = /^\* \d+ FETCH \((.*)BODY\[\] \{(\d+)\}\r\n/gm;
    head.lastIndex = at;
    const match = head.exec(answer);
    if (match === null) return lines;
    at = match.index + match[0].length + Number(match[2]);
    const body = answer.slice(head.lastIndex, at);
    const attributes = match[1]!;
    const value = (pattern: RegExp): string => pattern.exec(attributes)?.[1] ?? "?";
    const flags = value(/FLAGS \(([^)]*)\)/)
      .split(" ")
      // Who looked first is each server's own matter.
      .filter((flag) => flag !== "\\Recent")
      .toSorted();
    const texts = [value(/UID (\d+)/), flags.join(" "), value(/INTERNALDATE "([^"]*)"/)];
    texts.push(value(/RFC822\.SIZE (\d+)/), notesOf(attributes));
    lines.push(`${texts.join(" | ")} | ${createHash("sha1").update(body, "latin1").digest("hex")}`);
  }
}

/** In any order, without those that have no value. */
function notesOf(attributes: string): string {
  const notes = [...attributes.matchAll(/"?value\.(priv|shared)"? (NIL|"[^"]*")/g)];
  return notes
    .filter(([, , value]) => value !== "NIL")
    .map(([, kind, value]) => `${kind}=${value}`)
    .toSorted()
    .join(" ");
}

function linesOf(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map((match) => match[1]!).toSorted();
}

/** As latin1, so that lengths of literals are lengths of the text. */
async function say({ endpoint, login }: ReadServer, commands: readonly string[]): Promise<string> {
  const socket = connect(endpoint.port, endpoint.host).setEncoding("latin1");
  const lines = [`LOGIN ${login[0]} ${login[1]}`, ...commands, "LOGOUT"];
  socket.write(lines.map((line, index) => `t${index} ${line}\r\n`).join(""));
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  const failed = /^t\d+ (?:NO|BAD) .*$/m.exec(answer);
  if (failed !== null) throw new Error(`${failed[0]} of ${login[0]}`);
  return answer;
}
