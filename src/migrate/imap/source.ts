/**
 * The server that mail comes from. It is only read: folders are opened with EXAMINE and bodies fetched with PEEK, so that
 * nothing changes there, not even \Recent or \Seen.
 */
import {
  ImapClientError,
  type CommandPart,
  type CommandResult,
  type LiteralSink,
} from "../../imap/client-command.ts";
import {
  connectImap,
  type ImapAccount,
  type ImapLink,
  type ImapPorts,
  ok,
} from "../../imap/client-connect.ts";
import { readValue, type Untagged } from "../../imap/codec/response.ts";
import { type NumberRange, parseRanges, printRanges, rangesOf } from "../../wire/number-set.ts";
import { type Folder, type FolderList, listFolders, wireMailbox } from "../../imap/client-folders.ts";
import { type FetchedValues, readFetched } from "../../imap/client-fetch.ts";
import { ReadGate } from "./read-gate.ts";

export interface Opened {
  readonly exists: number;
  readonly uidValidity: number;
  readonly uidNext: number;
  /** 0 = no CONDSTORE for this folder. */
  readonly highestModseq: number;
}

export interface Changes {
  /** UIDs that went, as the server tells them: may name some that never were. undefined = it cannot tell. */
  readonly vanished: readonly NumberRange[] | undefined;
}

/** Of a source that gives no other; RFC 7162 knows "all flags". */
const BODY_ITEMS = "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]";

export class ImapSource {
  readonly link: ImapLink;
  readonly isGmail: boolean;
  readonly hasQresync: boolean;
  readonly hasCondstore: boolean;
  readonly gate: ReadGate;
  /** The connection ended without our doing, or the server broke the protocol. */
  hasFailed = false;
  #isDestroyed = false;
  readonly #enabling: Promise<CommandResult> | undefined;
  #open: Folder | undefined;

  private constructor(link: ImapLink, enabling: Promise<CommandResult> | undefined) {
    const hasQresync = enabling !== undefined;
    this.#enabling = enabling;
    this.link = link;
    this.gate = new ReadGate(link.client);
    link.client.onEnd(() => {
      this.hasFailed = !this.#isDestroyed;
    });
    const { capabilities } = link;
    this.hasQresync = hasQresync;
    this.hasCondstore = hasQresync || capabilities.has("CONDSTORE") || capabilities.has("QRESYNC");
    this.isGmail = capabilities.has("X-GM-EXT-1");
  }

  /** @throws ImapLoginError, ImapClientError, the Node error of the connection */
  static async connect(account: ImapAccount, ports: ImapPorts): Promise<ImapSource> {
    const link = await connectImap(account, ports);
    if (!link.capabilities.has("QRESYNC")) return new ImapSource(link, undefined);
    // Not awaited: it costs no round trip in front of LIST.
    const enabling = link.client.command("ENABLE QRESYNC");
    enabling.catch(() => undefined);
    return new ImapSource(link, enabling);
  }

  list(): Promise<FolderList> {
    return listFolders(this.link, this.#enabling === undefined ? [] : [this.#enabling]);
  }

  /** Opens the folder and names all its messages in one round trip. @throws ImapClientError */
  async openAndList(folder: Folder): Promise<{ opened: Opened; uids: readonly NumberRange[] }> {
    // SEARCH waits for EXAMINE at the server: it may be sent at once (RFC 9051 §5.5 forbids only sequence numbers).
    const [opened, listed] = await Promise.all([
      this.link.client.command(this.#examine(folder)),
      this.link.client.command(this.#search("ALL")),
    ]);
    ok(opened, `EXAMINE ${folder.name}`);
    ok(listed, "SEARCH");
    this.#open = folder;
    // Servers may hold the tagged line of the first back: then it has the answers of both.
    const untagged = [...opened.untagged, ...listed.untagged];
    return { opened: readOpened(untagged), uids: this.#readUids(untagged) };
  }

  /** @throws ImapClientError */
  async open(folder: Folder): Promise<Opened> {
    const result = ok(await this.link.client.command(this.#examine(folder)), `EXAMINE ${folder.name}`);
    this.#open = folder;
    return readOpened(result.untagged);
  }

  get openFolder(): Folder | undefined {
    return this.#open;
  }

  /** Every UID of the open folder, or those of `within` that are still there. */
  async uids(within?: readonly NumberRange[]): Promise<readonly NumberRange[]> {
    const key = within === undefined ? "ALL" : `UID ${printRanges(within)}`;
    return this.#readUids(ok(await this.link.client.command(this.#search(key)), "SEARCH").untagged);
  }

  /** Flags of the open folder's messages as they come. */
  async flags(
    set: string,
    take: (values: FetchedValues) => void,
    since?: { readonly modseq: number },
  ): Promise<Changes> {
    const modifier =
      since === undefined ? "" : ` (CHANGEDSINCE ${since.modseq}${this.hasQresync ? " VANISHED" : ""})`;
    const vanished: NumberRange[] = [];
    const result = await this.link.client.command(`UID FETCH ${set} (UID FLAGS)${modifier}`, {
      untagged: (response) => {
        if (response.name === "VANISHED") {
          const text = response
            .arguments()
            .rest()
            .trim()
            .replace(/^\(EARLIER\) /i, "");
          vanished.push(...(parseRanges(text) ?? []));
          return true;
        }
        if (response.name !== "FETCH") return false;
        take(readFetched(response.arguments()));
        return true;
      },
    });
    ok(result, "UID FETCH FLAGS");
    return { vanished: since !== undefined && this.hasQresync ? vanished : undefined };
  }

  /** Bodies and all that is copied with them; `take` gets each message as it is complete. Resolves with the server's answer. */
  bodies(set: readonly NumberRange[], take: (values: FetchedValues) => void): Promise<CommandResult> {
    return this.#fetch(set, BODY_ITEMS, take);
  }

  /** Sizes and dates: what tells messages apart without their bodies. */
  async sizes(set: string, take: (values: FetchedValues) => void): Promise<void> {
    const items = "UID FLAGS INTERNALDATE RFC822.SIZE";
    ok(await this.#fetchText(set, items, take), "UID FETCH RFC822.SIZE");
  }

  /** Gmail's labels of every message in the open folder. */
  async labels(take: (values: FetchedValues) => void): Promise<void> {
    ok(await this.#fetchText("1:*", "UID X-GM-LABELS", take), "UID FETCH X-GM-LABELS");
  }

  /** Where large literals go. */
  onLargeLiteral(fromBytes: number, sinkFor: (sizeBytes: number) => LiteralSink): void {
    this.link.client.onLiteral(({ sizeBytes }) => (sizeBytes >= fromBytes ? sinkFor(sizeBytes) : undefined));
  }

  async acl(folder: Folder): Promise<readonly (readonly [identifier: string, rights: string])[]> {
    const { client } = this.link;
    const result = await client.command(["GETACL ", ...wireMailbox(folder.wireName)]);
    const response = result.untagged.find(({ name }) => name === "ACL");
    if (result.status !== "OK" || response === undefined) return [];
    const reader = response.arguments().sp();
    reader.astringBytes();
    const entries: [string, string][] = [];
    while (reader.skip(" ")) entries.push([reader.astring(), reader.sp().astring()]);
    return entries;
  }

  async close(): Promise<void> {
    const { client } = this.link;
    await client.command("LOGOUT").catch(() => undefined);
    this.#isDestroyed = true;
    client.close();
  }

  destroy(): void {
    this.#isDestroyed = true;
    this.link.client.destroy();
  }

  #examine({ wireName }: Folder): readonly CommandPart[] {
    const condstore = this.hasCondstore && !this.hasQresync ? " (CONDSTORE)" : "";
    return ["EXAMINE ", ...wireMailbox(wireName), condstore];
  }

  get #hasEsearch(): boolean {
    const { capabilities } = this.link;
    return capabilities.has("ESEARCH") || capabilities.has("IMAP4REV2");
  }

  #search(key: string): string {
    return this.#hasEsearch ? `UID SEARCH RETURN (ALL) ${key}` : `UID SEARCH ${key}`;
  }

  #readUids(untagged: readonly Untagged[]): readonly NumberRange[] {
    return this.#hasEsearch ? readEsearch(untagged) : readSearch(untagged);
  }

  #fetch(
    set: readonly NumberRange[],
    items: string,
    take: (values: FetchedValues) => void,
  ): Promise<CommandResult> {
    return this.#fetchText(printRanges(set), items, take);
  }

  #fetchText(set: string, items: string, take: (values: FetchedValues) => void): Promise<CommandResult> {
    return this.link.client.command(`UID FETCH ${set} (${items})`, {
      untagged: (response) => {
        if (response.name !== "FETCH") return false;
        take(readFetched(response.arguments()));
        return true;
      },
    });
  }
}

function readOpened(untagged: readonly Untagged[]): Opened {
  let exists = 0;
  const codes = new Map<string, number>();
  for (const response of untagged) {
    if (response.name === "EXISTS") exists = response.number ?? 0;
    if (response.name !== "OK") continue;
    const match = /^ ?\[([A-Z]+) (\d+)\]/i.exec(response.arguments().rest());
    if (match !== null) codes.set((match[1] ?? "").toUpperCase(), Number(match[2]));
  }
  const uidValidity = codes.get("UIDVALIDITY") ?? 0;
  if (uidValidity === 0) throw new ImapClientError("EXAMINE: the server tells no UIDVALIDITY");
  return {
    exists,
    uidValidity,
    uidNext: codes.get("UIDNEXT") ?? 0,
    highestModseq: codes.get("HIGHESTMODSEQ") ?? 0,
  };
}

/** `* ESEARCH (TAG "c1") UID ALL 1:5,7` (RFC 4731 §3.1); nothing found = no ALL. */
function readEsearch(untagged: readonly Untagged[]): readonly NumberRange[] {
  const response = untagged.find(({ name }) => name === "ESEARCH");
  if (response === undefined) throw new ImapClientError("SEARCH: no ESEARCH response");
  const match = /\bALL ([0-9:,]+)/i.exec(response.arguments().rest());
  return match === null ? [] : (parseRanges(match[1] ?? "") ?? []);
}

function readSearch(untagged: readonly Untagged[]): readonly NumberRange[] {
  const uids: number[] = [];
  for (const response of untagged) {
    if (response.name !== "SEARCH") continue;
    const reader = response.arguments();
    while (reader.skip(" ")) if (reader.peek() >= 0x30) uids.push(Number(readValue(reader)));
  }
  return rangesOf(uids.filter((uid) => Number.isInteger(uid) && uid > 0).sort((a, b) => a - b));
}
