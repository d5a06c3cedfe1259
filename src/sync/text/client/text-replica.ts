/** What can be asked of a replica in the text dialect, typed: each method is one command. */
import type { Connection } from "../../../base/io/network.ts";
import type { Clock } from "../../../base/io/clock.ts";
import type { Mailbox } from "../../../store/model.ts";
import { ReplicaLink } from "../../client/link.ts";
import { ReplicaLost } from "../../client/refusal.ts";
import { typeLetters } from "../../codec/mailbox-line.ts";
import type { DlistReader } from "../../codec/reader.ts";
import { DlistWriter } from "../../codec/writer.ts";
import { printTextAcl } from "../acl-text.ts";

/** A folder as USER_SOME shows it; messages in columns, ascending by UID. */
export interface TextFolder {
  readonly name: string;
  readonly uniqueId: string;
  readonly acl: string;
  readonly lastUid: number;
  readonly lastSeen: number;
  readonly uids: number[];
  readonly messageIds: string[];
  /** Lower case, sorted, blanks between. */
  readonly flags: string[];
}

export interface TextMessage {
  readonly uid: number;
  readonly messageId: string;
  readonly internalDate: number;
  readonly flags: readonly string[];
  /** undefined = the reserved one. */
  readonly bytes: Buffer | undefined;
}

const GREETING = /^\* Sync Server v0\.0\b/;

export class TextReplica {
  readonly link: ReplicaLink;

  private constructor(link: ReplicaLink) {
    this.link = link;
  }

  /** @throws ReplicaLost when the other end does not greet */
  static async open(connection: Connection, clock: Clock, timeoutMs: number): Promise<TextReplica> {
    const link = new ReplicaLink(connection, clock, timeoutMs);
    const line = await link.nextLine();
    if (GREETING.test(line)) return new TextReplica(link);
    link.destroy();
    throw new ReplicaLost(`the replica greeted with ${line.slice(0, 200)}`);
  }

  /** Name → folder. */
  async userSome(user: string, names: readonly string[]): Promise<ReadonlyMap<string, TextFolder>> {
    const folders = new Map<string, TextFolder>();
    let current: TextFolder | undefined;
    const writer = command("USER_SOME").string(user);
    for (const name of names) writer.string(name);
    await this.link.send("USER_SOME", writer.line(), {
      header(reader) {
        current = readFolder(reader);
        folders.set(current.name, current);
      },
      line(uid, reader) {
        current?.uids.push(Number(uid));
        current?.messageIds.push(reader.text());
        current?.flags.push(readFlagText(reader.sp()));
      },
    });
    return folders;
  }

  select(name: string): Promise<void> {
    return this.#tell(command("SELECT").string(name));
  }

  expunge(uids: readonly number[]): Promise<void> {
    const writer = command("EXPUNGE");
    for (const uid of uids) writer.number(uid);
    return this.#tell(writer);
  }

  setFlags(changes: readonly { readonly uid: number; readonly flags: readonly string[] }[]): Promise<void> {
    const writer = command("SETFLAGS");
    for (const { uid, flags } of changes) writer.number(uid).flags(flags);
    return this.#tell(writer);
  }

  /** Those of the messages that the folder has. */
  async reserve(name: string, messageIds: readonly string[]): Promise<readonly string[]> {
    const found: string[] = [];
    const writer = command("RESERVE").string(name);
    for (const messageId of messageIds) writer.raw(messageId);
    await this.link.send("RESERVE", writer.line(), { bare: (word) => void found.push(word) });
    return found;
  }

  create(mailbox: Mailbox): Promise<void> {
    const writer = command("CREATE").string(mailbox.name).string(mailbox.uniqueId);
    const letters = typeLetters(mailbox.type);
    writer.string(printTextAcl(mailbox.acl)).raw(letters === "" ? "0" : letters);
    return this.#tell(writer.number(mailbox.uidValidity));
  }

  /** Does not wait for the answer of what was sent before: `await link.room()` bounds what is under way. */
  upload(messages: readonly TextMessage[]): Promise<void> {
    const writer = command("UPLOAD");
    for (const { uid, messageId, internalDate, flags, bytes } of messages) {
      writer.number(uid).raw(messageId).number(internalDate).flags(flags);
      if (bytes === undefined) writer.raw("COPY");
      else writer.body(bytes);
    }
    return this.#tell(writer);
  }

  setSeen(user: string, mailbox: Mailbox, lastSeen: number, seenUids: string): Promise<void> {
    const writer = command("SETSEEN").string(user).number(lastSeen).number(mailbox.recentUid);
    return this.#tell(writer.number(mailbox.lastUid).string(seenUids));
  }

  endUser(): Promise<void> {
    return this.#tell(command("ENDUSER"));
  }

  #tell(writer: DlistWriter): Promise<void> {
    const pieces = writer.line();
    const name = /^\S+/.exec(pieces[0]?.toString("latin1", 0, 20) ?? "")?.[0] ?? "";
    return this.link.send(name, pieces, {});
  }
}

function command(word: string): DlistWriter {
  return new DlistWriter("client").raw(word);
}

function readFolder(reader: DlistReader): TextFolder {
  const uniqueId = reader.text();
  const name = reader.sp().text();
  const acl = reader.sp().text();
  const lastUid = reader.sp().number();
  const lastSeen = reader.sp().number();
  return { name, uniqueId, acl, lastUid, lastSeen, uids: [], messageIds: [], flags: [] };
}

function readFlagText(reader: DlistReader): string {
  const flags: string[] = [];
  reader.list((item) => void flags.push(item.text()));
  return flagText(flags);
}

export function flagText(flags: readonly string[]): string {
  return flags
    .map((flag) => flag.toLowerCase())
    .toSorted()
    .join(" ");
}
