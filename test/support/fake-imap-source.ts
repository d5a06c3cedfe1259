/**
 * An IMAP server that holds what a test puts in and misbehaves as the test says: it throttles, stalls, lies about sizes,
 * keeps messages back, hangs up in the middle. Speaks just enough for the migration to read from it, and remembers every
 * command it was given.
 */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";

export interface FakeMessage {
  readonly uid: number;
  readonly body: Buffer;
  flags: string;
  readonly date?: string;
  readonly labels?: string;
}

export interface FakeFolder {
  name: string;
  uidValidity: number;
  attributes?: string;
  messages: FakeMessage[];
  highestModseq?: number;
  /** Lower bound of UIDNEXT: messages that went. */
  lastUid?: number;
}

export interface FakeOptions {
  readonly capabilities?: string;
  readonly separator?: string;
  readonly namespace?: string;
  folders: FakeFolder[];
  /** There, and not in the list of all. */
  unlisted?: ReadonlySet<string>;
  /** Tagged lines of commands that came together are sent together, as Dovecot and Cyrus do. */
  readonly holdsTaggedLines?: boolean;
  /** Called before a command is answered: what it returns is sent instead; "hang up" and "stall" do so. */
  answer?: (command: string, session: { readonly number: number }) => string | undefined;
  /** Called for each message that is fetched with its body; what it returns is sent instead. */
  message?: (message: FakeMessage, session: { readonly number: number }) => string | Buffer | undefined;
}

export interface FakeSource {
  readonly host: string;
  readonly port: number;
  readonly commands: readonly string[];
  readonly sessions: number;
  close(): Promise<void>;
}

const FULL =
  "IMAP4rev1 LITERAL+ SASL-IR NAMESPACE LIST-EXTENDED LIST-STATUS ESEARCH CONDSTORE SPECIAL-USE AUTH=PLAIN UIDPLUS";

export async function startFakeSource(options: FakeOptions): Promise<FakeSource> {
  const commands: string[] = [];
  const sockets = new Set<Socket>();
  const source = { sessions: 0 };
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    source.sessions++;
    socket.on("close", () => sockets.delete(socket)).on("error", () => undefined);
    new FakeSession(socket, options, commands, source.sessions).start();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: "127.0.0.1",
    port: (server.address() as AddressInfo).port,
    commands,
    get sessions() {
      return source.sessions;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class FakeSession {
  readonly #socket: Socket;
  readonly #options: FakeOptions;
  readonly #commands: string[];
  readonly #session: { readonly number: number };
  #text = "";
  #held = "";
  #open: FakeFolder | undefined;
  #stalled = false;

  constructor(socket: Socket, options: FakeOptions, commands: string[], number: number) {
    this.#socket = socket;
    this.#options = options;
    this.#commands = commands;
    this.#session = { number };
  }

  start(): void {
    this.#send(`* OK [CAPABILITY ${this.#options.capabilities ?? FULL}] ready\r\n`);
    this.#socket.on("data", (chunk) => {
      this.#text += chunk.toString("latin1");
      for (let end = this.#text.indexOf("\r\n"); end >= 0; end = this.#text.indexOf("\r\n")) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        if (!this.#stalled && !this.#socket.destroyed) this.#line(line);
      }
      this.#release();
    });
  }

  #send(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  /** After BYE a server hangs up (RFC 9051 §7.1.5). */
  #sendInstead(bytes: string | Buffer): void {
    this.#send(bytes);
    if (typeof bytes !== "string" || !bytes.includes("* BYE ")) return;
    this.#stalled = true;
    this.#socket.end();
  }

  #release(): void {
    if (this.#held !== "") this.#send(this.#held);
    this.#held = "";
  }

  #line(line: string): void {
    const [, tag = "", command = ""] = /^(\S+) ?(.*)$/s.exec(line) ?? [];
    this.#commands.push(command);
    const instead = this.#options.answer?.(command, this.#session);
    if (instead === "stall") this.#stalled = true;
    else if (instead === "hang up") this.#socket.end();
    else if (instead === undefined) this.#run(tag, command);
    else this.#sendInstead(instead.replaceAll("TAG", tag));
  }

  #run(tag: string, command: string): void {
    const words = command.split(" ");
    const name = (words[0] === "UID" ? `UID ${words[1]}` : (words[0] ?? "")).toUpperCase();
    const ok = (text = "done"): void => {
      this.#held += `${tag} OK ${text}\r\n`;
      if (this.#options.holdsTaggedLines !== true) this.#release();
    };
    switch (name) {
      case "AUTHENTICATE":
      case "LOGIN":
        ok(`[CAPABILITY ${this.#options.capabilities ?? FULL}] logged in`);
        return;
      case "NAMESPACE":
        this.#send(`* NAMESPACE ${this.#options.namespace ?? '(("" "/")) NIL NIL'}\r\n`);
        break;
      case "LIST":
        this.#list(command);
        break;
      case "STATUS": {
        const folder = this.#find(quoted(command));
        if (folder === undefined) {
          this.#send(`${tag} NO [NONEXISTENT] no such folder\r\n`);
          return;
        }
        this.#send(statusLine(folder, command));
        break;
      }
      case "SELECT":
      case "EXAMINE": {
        this.#open = this.#find(quoted(command));
        if (this.#open === undefined) {
          this.#send(`${tag} NO no such folder\r\n`);
          return;
        }
        this.#send(openedLines(this.#open));
        break;
      }
      case "UID SEARCH":
        this.#search(tag, command);
        break;
      case "UID FETCH":
        this.#fetch(command);
        if (this.#socket.destroyed || this.#stalled) return;
        break;
      case "LOGOUT":
        this.#send("* BYE bye\r\n");
        break;
      default:
    }
    ok();
  }

  #find(name: string): FakeFolder | undefined {
    return this.#options.folders.find((folder) => folder.name === name);
  }

  #list(command: string): void {
    const separator = this.#options.separator ?? "/";
    const pattern = /^LIST "" "([^"]*)"/.exec(command)?.[1] ?? "*";
    for (const folder of this.#options.folders) {
      if (pattern !== "*" ? pattern !== folder.name : this.#options.unlisted?.has(folder.name)) continue;
      this.#send(`* LIST (${folder.attributes ?? ""}) "${separator}" "${folder.name}"\r\n`);
      const hasStatus = command.includes("STATUS (") && !/noselect/i.test(folder.attributes ?? "");
      if (hasStatus) this.#send(statusLine(folder, command));
    }
  }

  #search(tag: string, command: string): void {
    const set = /UID ([0-9:,*]+)$/.exec(command)?.[1] ?? "1:*";
    const uids = this.#messages(set).map(({ uid }) => uid);
    if (!command.includes("RETURN")) this.#send(`* SEARCH${uids.map((uid) => ` ${uid}`).join("")}\r\n`);
    else {
      const all = uids.length === 0 ? "" : ` ALL ${uids.join(",")}`;
      this.#send(`* ESEARCH (TAG "${tag}") UID${all}\r\n`);
    }
  }

  #messages(set: string): FakeMessage[] {
    const ranges = set.split(",").map((piece) => {
      const [first = "1", last = first] = piece.split(":");
      return [Number(first), last === "*" ? Number.POSITIVE_INFINITY : Number(last)] as const;
    });
    return (this.#open?.messages ?? []).filter(({ uid }) =>
      ranges.some(([first, last]) => uid >= first && uid <= last),
    );
  }

  #fetch(command: string): void {
    const [, set = "", items = ""] = /^UID FETCH (\S+) \(([^)]*)\)/i.exec(command) ?? [];
    const since = Number(/CHANGEDSINCE (\d+)/.exec(command)?.[1] ?? -1);
    if (since >= 0 && since >= (this.#open?.highestModseq ?? 1)) return;
    for (const [index, message] of this.#messages(set).entries()) {
      if (this.#socket.destroyed || this.#stalled) return;
      const hasBody = items.includes("BODY");
      const instead = hasBody ? this.#options.message?.(message, this.#session) : undefined;
      if (instead === "stall") this.#stalled = true;
      else if (instead === "hang up") this.#socket.destroy();
      else this.#sendInstead(instead ?? fetchLine(index + 1, message, items));
    }
  }
}

/** One whole FETCH response. */
export function fetchLine(number: number, message: FakeMessage, items: string, sizeBytes?: number): Buffer {
  const { uid, flags, body, date = "01-Feb-2024 10:00:00 +0100", labels } = message;
  const parts = [`UID ${uid}`];
  if (items.includes("FLAGS")) parts.push(`FLAGS (${flags})`);
  if (items.includes("INTERNALDATE")) parts.push(`INTERNALDATE "${date}"`);
  if (items.includes("SIZE")) parts.push(`RFC822.SIZE ${body.length}`);
  if (items.includes("LABELS")) parts.push(`X-GM-LABELS (${labels ?? ""})`);
  const head = `* ${number} FETCH (${parts.join(" ")}`;
  if (!items.includes("BODY")) return Buffer.from(`${head})\r\n`);
  const literal = ` BODY[] {${sizeBytes ?? body.length}}\r\n`;
  return Buffer.concat([Buffer.from(head + literal), body, Buffer.from(")\r\n")]);
}

function uidNextOf({ messages, lastUid = 0 }: FakeFolder): number {
  return Math.max(lastUid, messages.at(-1)?.uid ?? 0) + 1;
}

function statusLine(folder: FakeFolder, command: string): string {
  const unseen = folder.messages.filter(({ flags }) => !flags.includes("\\Seen")).length;
  const modseq = command.includes("HIGHESTMODSEQ") ? ` HIGHESTMODSEQ ${folder.highestModseq ?? 1}` : "";
  return `* STATUS "${folder.name}" (MESSAGES ${folder.messages.length} UIDNEXT ${uidNextOf(folder)} UIDVALIDITY ${folder.uidValidity} UNSEEN ${unseen}${modseq})\r\n`;
}

function openedLines(folder: FakeFolder): string {
  return [
    `* ${folder.messages.length} EXISTS`,
    `* OK [UIDVALIDITY ${folder.uidValidity}] valid`,
    `* OK [UIDNEXT ${uidNextOf(folder)}] next`,
    ...(folder.highestModseq === 0 ? [] : [`* OK [HIGHESTMODSEQ ${folder.highestModseq ?? 1}] highest`]),
    "",
  ].join("\r\n");
}

function quoted(command: string): string {
  return /"((?:[^"\\]|\\.)*)"/.exec(command)?.[1] ?? "";
}
