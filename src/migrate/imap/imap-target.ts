/**
 * Another IMAP server as the target. Messages go out in MULTIAPPEND where the server has it (RFC 3502), else as pipelined
 * APPENDs; UIDPLUS (RFC 4315) tells which UIDs they got. A second connection, opened when it is needed, reads and changes
 * what is there, so that it never has to wait behind a large message on its way in.
 */
import { hash } from "node:crypto";
import { ImapClientError, type CommandResult } from "../../imap/client-command.ts";
import {
  astring,
  connectImap,
  type ImapAccount,
  type ImapLink,
  type ImapPorts,
  ok,
} from "../../imap/client-connect.ts";
import type { BodyWriter } from "../../store/port.ts";
import { printNumbers } from "../../wire/number-set.ts";
import {
  type Folder,
  type FolderList,
  listFolders,
  wireMailbox,
  wireName,
} from "../../imap/client-folders.ts";
import { appendParts, savedUids } from "./append-command.ts";
import { expungeOwn } from "./expunge-own.ts";
import { ImapStrays } from "./imap-strays.ts";
import { byFlags } from "./flag-groups.ts";
import type { TargetNames } from "./mapping.ts";
import { Turns } from "./turns.ts";
import { type MessageFlags, printFlags, readFetched } from "../../imap/client-fetch.ts";
import type { CopyMessage } from "./message.ts";
import { BodyDigests } from "./body-digests.ts";
import {
  type AppendOutcome,
  type FolderAttributes,
  type KnownUids,
  type MailTarget,
  type NewFolder,
  type PreparedMessage,
  type Strays,
  TargetFullError,
  type TargetFolder,
  type TargetMessage,
} from "./target.ts";

/** UIDs that one STORE or EXPUNGE names. */
const UIDS_A_COMMAND = 2000;
const FULL = /\b(?:OVERQUOTA|UNAVAILABLE|INUSE|THROTTLED|SERVERBUG)\b|quota exceeded|over quota/i;

export interface ImapTargetPorts extends ImapPorts {
  /** Where large messages wait. */
  stage(sizeBytes: number): BodyWriter;
}

export class ImapTarget implements MailTarget {
  readonly description: string;
  readonly maxMessageBytes: number | undefined;
  readonly #account: ImapAccount;
  readonly #ports: ImapTargetPorts;
  /** Appends only. */
  readonly #writing: ImapLink;
  #other: Promise<ImapLink> | undefined;
  #list: FolderList;
  #isListOld = false;
  /** Folders that were made with their special use. */
  readonly #withUse = new Set<string>();
  #selected: string | undefined;
  /** Everything on the side connection: folders that are worked on at a time must not select under each other. */
  readonly #turns = new Turns();

  private constructor(account: ImapAccount, ports: ImapTargetPorts, link: ImapLink, list: FolderList) {
    this.description = `${account.host}:${account.port}`;
    this.#account = account;
    this.#ports = ports;
    this.#writing = link;
    this.#list = list;
    const limit = [...link.capabilities].find((name) => name.startsWith("APPENDLIMIT="))?.slice(12);
    this.maxMessageBytes = limit === undefined ? undefined : Number(limit);
  }

  /** @throws ImapLoginError, ImapClientError, the Node error of the connection */
  static async connect(account: ImapAccount, ports: ImapTargetPorts): Promise<ImapTarget> {
    const link = await connectImap(account, ports);
    try {
      return new ImapTarget(account, ports, link, await listFolders(link));
    } catch (error) {
      link.client.destroy();
      throw error;
    }
  }

  get names(): TargetNames {
    const bySpecialUse = new Map<string, readonly string[]>();
    for (const folder of this.#list.folders) {
      if (folder.specialUse !== undefined) bySpecialUse.set(folder.specialUse, this.#ownPath(folder));
    }
    const { separator } = this.#list;
    return {
      legalLevel: (level) => level.replaceAll(separator, "_").replaceAll(/[\x00-\x1f\x7f%*]/g, "_"),
      bySpecialUse,
      foldsCase: false,
    };
  }

  async list(): Promise<readonly TargetFolder[]> {
    if (this.#isListOld) {
      this.#isListOld = false;
      this.#list = await this.#turns.run(async () => listFolders(await this.#side()));
    }
    return this.#list.folders.flatMap((folder) => this.#folderOf(folder) ?? []);
  }

  async ensureFolder({ path, specialUse }: NewFolder): Promise<TargetFolder> {
    this.#isListOld = true;
    return await this.#turns.run(async () => {
      const link = await this.#side();
      const wire = this.#wire(path);
      const use =
        specialUse !== undefined && link.capabilities.has("CREATE-SPECIAL-USE")
          ? ` (USE (\\${capitalized(specialUse)}))`
          : "";
      let made = await link.client.command(["CREATE ", ...wireMailbox(wire), use]);
      if (made.status === "OK" && use !== "") this.#withUse.add(path.join("\0"));
      else if (use !== "") made = await link.client.command(["CREATE ", ...wireMailbox(wire)]);
      // Servers without RFC 5530 say NO without ALREADYEXISTS: STATUS tells whether it is there.
      const status = await this.#status(link, wire);
      if (status === undefined) throw refusedCreate(path, made);
      return { path, ...status, isSubscribed: false, specialUse: undefined, keepsUids: false };
    });
  }

  async renameFolder(from: readonly string[], to: readonly string[]): Promise<void> {
    this.#isListOld = true;
    return await this.#turns.run(async () => {
      const { client } = await this.#side();
      const parts = ["RENAME ", ...wireMailbox(this.#wire(from)), " ", ...wireMailbox(this.#wire(to))];
      ok(await client.command(parts), `RENAME ${from.join("/")}`);
      this.#selected = undefined;
    });
  }

  async removeFolder(path: readonly string[]): Promise<void> {
    this.#isListOld = true;
    return await this.#turns.run(async () => {
      const { client } = await this.#side();
      const wire = this.#wire(path);
      const status = await this.#status(await this.#side(), wire);
      if (status === undefined || status.messages > 0 || wire.toString() === "INBOX") return;
      this.#selected = undefined;
      await client.command("UNSELECT");
      // With folders below it the server says no, or keeps it as a parent: either is right.
      await client.command(["DELETE ", ...wireMailbox(wire)]);
    });
  }

  async setAttributes(path: readonly string[], wanted: FolderAttributes): Promise<readonly string[]> {
    return await this.#turns.run(async () => {
      const problems: string[] = [];
      const { client, capabilities } = await this.#side();
      const mailbox = wireMailbox(this.#wire(path));
      const commands: Promise<CommandResult>[] = [];
      const isThere = this.#list.folders.find((folder) => samePath(this.#ownPath(folder), path));
      const { specialUse: use } = wanted;
      const hasUse = isThere?.specialUse !== undefined || this.#withUse.has(path.join("\0"));
      if (use !== undefined && !hasUse) {
        // RFC 6154 §5.4: the only way for a folder that was not made with its use.
        const set = [" (/private/specialuse ", Buffer.from(`\\${capitalized(use)}`), ")"];
        if (capabilities.has("METADATA")) commands.push(client.command(["SETMETADATA ", ...mailbox, ...set]));
        else problems.push(`special use ${use}: the target cannot give it to a folder that is there`);
      }
      if (wanted.isSubscribed) commands.push(client.command(["SUBSCRIBE ", ...mailbox]));
      if (capabilities.has("ACL")) {
        const others = wanted.acl.filter(([identifier]) => identifier !== this.#account.user);
        for (const [identifier, rights] of others) {
          commands.push(
            client.command(["SETACL ", ...mailbox, " ", ...astring(identifier), " ", ...astring(rights)]),
          );
        }
      }
      for (const { status, text } of await Promise.all(commands)) {
        if (status !== "OK") problems.push(text);
      }
      return problems;
    });
  }

  stage(sizeBytes: number): BodyWriter {
    return this.#ports.stage(sizeBytes);
  }

  prepare(body: Buffer): PreparedMessage {
    return { guid: hash("sha1", body), body };
  }

  async append(folder: TargetFolder, messages: readonly CopyMessage[]): Promise<readonly AppendOutcome[]> {
    const mailbox = wireMailbox(this.#wire(folder.path));
    const { client, capabilities } = this.#writing;
    // A message of no bytes would cancel the others (RFC 3502 §6.3.11).
    const isMulti = messages.length > 1 && messages.every(({ sizeBytes }) => sizeBytes > 0);
    if (isMulti && capabilities.has("MULTIAPPEND")) {
      const parts = messages.flatMap((message) => appendParts(message));
      const result = await client.command(["APPEND ", ...mailbox, ...parts]);
      if (result.status === "OK") return savedUids(result, messages.length);
      // All or none was stored (RFC 3502 §6.3.11): one by one shows which of them it was.
    }
    const results = await Promise.all(
      messages.map((message) => client.command(["APPEND ", ...mailbox, ...appendParts(message)])),
    );
    const full = results.find(isFull);
    if (full !== undefined) throw new TargetFullError(`APPEND: [${full.code ?? ""}] ${full.text}`);
    return results.map((result) => {
      if (result.status === "OK") return savedUids(result, 1)[0]!;
      const code = result.code === undefined ? "" : `[${result.code}] `;
      return { kind: "refused", reason: `the target said ${result.status} ${code}${result.text}` };
    });
  }

  async setFlags(
    folder: TargetFolder,
    changes: readonly { readonly uid: number; readonly flags: MessageFlags }[],
  ): Promise<void> {
    return await this.#turns.run(async () => {
      const { client } = await this.#select(folder);
      const commands: Promise<CommandResult>[] = [];
      for (const [flags, uids] of byFlags(changes)) {
        for (const set of sets(uids)) {
          commands.push(client.command(`UID STORE ${set} FLAGS.SILENT (${printFlags(flags)})`));
        }
      }
      for (const result of await Promise.all(commands)) ok(result, "UID STORE");
    });
  }

  async expunge(folder: TargetFolder, uids: readonly number[]): Promise<void> {
    return await this.#turns.run(async () => {
      const { client, capabilities } = await this.#select(folder);
      const hasUidExpunge = capabilities.has("UIDPLUS") || capabilities.has("IMAP4REV2");
      for (const set of sets(uids)) {
        ok(await client.command(`UID STORE ${set} +FLAGS.SILENT (\\Deleted)`), "UID STORE");
        if (hasUidExpunge) ok(await client.command(`UID EXPUNGE ${set}`), "UID EXPUNGE");
      }
      if (!hasUidExpunge) await expungeOwn(client, new Set(uids));
    });
  }

  async strays(folder: TargetFolder, fromUid: number, known: KnownUids): Promise<Strays> {
    return await this.#turns.run(async () => {
      const { client } = await this.#select(folder);
      const strays = new ImapStrays((set) => this.#digests(folder, set));
      const result = await client.command(`UID FETCH ${fromUid}:* (UID INTERNALDATE RFC822.SIZE)`, {
        untagged: (response) => {
          if (response.name !== "FETCH") return false;
          const values = readFetched(response.arguments());
          // `n:*` names the last message even when it is below n (RFC 9051 §9 seq-range).
          if (values.uid >= fromUid && !known.has(values.uid)) strays.add(values);
          return true;
        },
      });
      ok(result, "UID FETCH");
      return strays;
    });
  }

  async settle(folder: TargetFolder): Promise<TargetFolder> {
    return await this.#turns.run(async () => {
      const status = await this.#status(await this.#side(), this.#wire(folder.path));
      if (status === undefined)
        throw new ImapClientError(`STATUS ${folder.path.join("/")}: the folder is gone`);
      return { ...folder, ...status, keepsUids: false };
    });
  }

  /** Nothing else is asked of the target meanwhile. */
  async *messages(folder: TargetFolder, withDigests: boolean): AsyncGenerator<TargetMessage> {
    const link = await this.#turns.run(() => this.#select(folder));
    if (withDigests) yield* new BodyDigests(link.client).all();
    else {
      const found: TargetMessage[] = [];
      const result = await link.client.command("UID FETCH 1:* (UID RFC822.SIZE)", {
        untagged: (response) => {
          if (response.name !== "FETCH") return false;
          const { uid, sizeBytes = 0 } = readFetched(response.arguments());
          found.push({ uid, sizeBytes, guid: "" });
          return true;
        },
      });
      ok(result, "UID FETCH");
      yield* found;
    }
  }

  async close(): Promise<void> {
    const links = [this.#writing, ...(this.#other === undefined ? [] : [await this.#other])];
    await Promise.all(links.map(({ client }) => client.command("LOGOUT").catch(() => undefined)));
    for (const { client } of links) client.close();
  }

  destroy(): void {
    this.#writing.client.destroy();
    this.#other?.then(({ client }) => client.destroy()).catch(() => undefined);
  }

  #digests(folder: TargetFolder, set: string): Promise<readonly TargetMessage[]> {
    return this.#turns.run(async () => {
      const { client } = await this.#select(folder);
      const messages: TargetMessage[] = [];
      for await (const message of new BodyDigests(client).all(set)) messages.push(message);
      return messages;
    });
  }

  /** For everything that is no APPEND. */
  #side(): Promise<ImapLink> {
    this.#other ??= connectImap(this.#account, this.#ports);
    return this.#other;
  }

  async #select(folder: TargetFolder): Promise<ImapLink> {
    const link = await this.#side();
    const wire = this.#wire(folder.path);
    const key = wire.toString("latin1");
    // A new look shows what was appended on the other connection (RFC 9051 §6.1.2).
    if (this.#selected === key) ok(await link.client.command("NOOP"), "NOOP");
    else ok(await link.client.command(["SELECT ", ...wireMailbox(wire)]), `SELECT ${folder.path.join("/")}`);
    this.#selected = key;
    return link;
  }

  async #status(
    { client }: ImapLink,
    wire: Buffer,
  ): Promise<{ uidValidity: number; uidNext: number; messages: number } | undefined> {
    const result = await client.command(["STATUS ", ...wireMailbox(wire), " (MESSAGES UIDNEXT UIDVALIDITY)"]);
    const text =
      result.untagged
        .find(({ name }) => name === "STATUS")
        ?.arguments()
        .rest() ?? "";
    const number = (item: string): number =>
      Number(new RegExp(`\\b${item} (\\d+)`, "i").exec(text)?.[1] ?? 0);
    if (result.status !== "OK" || text === "") return undefined;
    return { uidValidity: number("UIDVALIDITY"), uidNext: number("UIDNEXT"), messages: number("MESSAGES") };
  }

  #wire(path: readonly string[]): Buffer {
    if (path.length === 1 && path[0] === "INBOX") return Buffer.from("INBOX");
    const { personalPrefix, separator } = this.#list;
    return Buffer.concat([Buffer.from(personalPrefix), wireName(path, separator)]);
  }

  #ownPath({ path, name, separator }: Folder): readonly string[] {
    const { personalPrefix } = this.#list;
    if (name.toUpperCase() === "INBOX") return ["INBOX"];
    if (personalPrefix === "" || !name.startsWith(personalPrefix)) return path;
    return path.slice(personalPrefix.split(separator).filter((level) => level !== "").length);
  }

  #folderOf(folder: Folder): TargetFolder | undefined {
    if (folder.status === undefined) return undefined;
    const { uidValidity, uidNext, messages } = folder.status;
    const { isSubscribed, specialUse } = folder;
    return {
      path: this.#ownPath(folder),
      uidValidity,
      uidNext,
      messages,
      isSubscribed,
      specialUse,
      keepsUids: false,
    };
  }
}

function refusedCreate(path: readonly string[], result: CommandResult): Error {
  const { status, code, text } = result;
  const said = `CREATE ${path.join("/")}: ${status} ${code === undefined ? "" : `[${code}] `}${text}`;
  return isFull(result) ? new TargetFullError(said) : new ImapClientError(said);
}

function isFull({ status, code, text }: CommandResult): boolean {
  return status !== "OK" && FULL.test(`${code} ${text}`);
}

function samePath(a: readonly string[], b: readonly string[]): boolean {
  return a.join("\0") === b.join("\0");
}

function capitalized(word: string): string {
  return `${word.slice(0, 1).toUpperCase()}${word.slice(1)}`;
}

function* sets(uids: readonly number[]): Generator<string> {
  const sorted = [...uids].sort((a, b) => a - b);
  for (let at = 0; at < sorted.length; at += UIDS_A_COMMAND) {
    yield printNumbers(sorted.slice(at, at + UIDS_A_COMMAND));
  }
}
