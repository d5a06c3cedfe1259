/** What a worker reads from the output of commands. */

/** Last lines kept of a command's output, for the record (S4.35). */
const MAX_LINES = 20;
const MAX_LINE_CHARACTERS = 2_000;

/** Collects the last lines, and how many messages were saved or expunged as the mail_log plugin or `-D` says. */
export class OutputReader {
  readonly #lines: string[] = [];
  readonly saved = new Map<string, number>();
  expunged = 0;
  lastError: string | undefined;
  #rest = "";
  readonly #onLine: (line: string) => void;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = (lines.pop() ?? "").slice(-MAX_LINE_CHARACTERS);
    for (const line of lines) this.#take(line);
  }

  end(): void {
    if (this.#rest !== "") this.#take(this.#rest);
    this.#rest = "";
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  #take(text: string): void {
    const line = text.trimEnd().slice(0, MAX_LINE_CHARACTERS);
    if (line === "") return;
    this.#onLine(line);
    this.#lines.push(line);
    if (this.#lines.length > MAX_LINES) this.#lines.shift();
    if (/\b(?:Error|Fatal|Panic): (?!Raw backtrace)/.test(line)) this.lastError = line;
    // dsync(user): Info: save: box=INBOX, uid=7, msgid=<…>, size=1234
    // dsync(user): Info: copy from Old mail: box=Old mail, uid=7, msgid=<…>, size=1234 (Dovecot 2.3.19, observed)
    const event = /\b(save|copy|expunge)(?: from .*?)?: box=(.*?)(?:, \w+=|$)/.exec(line);
    if (event?.[1] === "expunge") this.expunged += 1;
    else if (event?.[2] !== undefined) this.saved.set(event[2], (this.saved.get(event[2]) ?? 0) + 1);
  }
}

export interface MailboxCounts {
  readonly messages: number;
  readonly sizeBytes: number;
}

/**
 * Sums `doveadm -f tab mailbox status "messages vsize"`: a line of column names, then one a mailbox. A mailbox that
 * several masks name is there once.
 */
export function sumMailboxStatus(output: string): MailboxCounts | undefined {
  const [head, ...lines] = output.split("\n").filter((line) => line !== "");
  const columns = head?.split("\t") ?? [];
  const at = {
    name: columns.indexOf("mailbox"),
    messages: columns.indexOf("messages"),
    size: columns.indexOf("vsize"),
  };
  if (at.messages < 0 || at.size < 0) return undefined;
  const seen = new Set<string>();
  let messages = 0;
  let sizeBytes = 0;
  for (const line of lines) {
    const cells = line.split("\t");
    const name = cells[at.name] ?? line;
    if (seen.has(name)) continue;
    seen.add(name);
    messages += Number(cells[at.messages] ?? 0);
    sizeBytes += Number(cells[at.size] ?? 0);
  }
  return { messages, sizeBytes };
}
