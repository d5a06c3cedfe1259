/** What can be asked of a replica, typed: each method is one command of the sync protocol. */
import type { MessageRecord, QuotaRoot, SeenState } from "../../store/model.ts";
import { UNLIMITED } from "../commands/get-quota.ts";
import { DlistReader } from "../codec/reader.ts";
import { readMailbox, type SyncMailbox } from "../codec/mailbox-line.ts";
import { readRecord } from "../codec/record.ts";
import { type Fields, readFields } from "../fields.ts";
import type { SieveLine } from "../mailbox-scripts.ts";
import type { ReplicaLink } from "./link.ts";

const KIB = 1024;
/** What ends a line that was cut at its records, and what stands before the mailbox. */
const LIST_END = Buffer.from("))");
const MAILBOX_START_BYTES = "* MAILBOX ".length;

/** Everything that the replica says of a user. */
export interface RemoteUser {
  readonly mailboxes: readonly SyncMailbox[];
  /** Root → what APPLY QUOTA would say, without the modseq. */
  readonly quotas: ReadonlyMap<string, string>;
  readonly subscriptions: ReadonlySet<string>;
  /** By unique id. */
  readonly seen: ReadonlyMap<string, Omit<SeenState, "userId">>;
  /** By file name; only from replicas without #sieve mailboxes. */
  readonly scripts: ReadonlyMap<string, SieveLine>;
}

export class Replica {
  readonly link: ReplicaLink;
  readonly hasSieveMailbox: boolean;

  constructor(link: ReplicaLink, hasSieveMailbox: boolean) {
    this.link = link;
    this.hasSieveMailbox = hasSieveMailbox;
  }

  getUser(user: string): Promise<RemoteUser> {
    return this.#userLines("USER", user);
  }

  /** Without mailboxes and quotas. */
  getMeta(user: string): Promise<RemoteUser> {
    return this.#userLines("META", user);
  }

  async getMailboxes(names: readonly string[]): Promise<readonly SyncMailbox[]> {
    return await this.#mailboxLines("MAILBOXES", names);
  }

  async getUniqueIds(ids: readonly string[]): Promise<readonly SyncMailbox[]> {
    return await this.#mailboxLines("UNIQUEIDS", ids);
  }

  /** Records go to `take` as they come, ascending by UID; `begin` is told of the mailbox before the first. */
  async getFullMailbox(
    name: string,
    begin: (mailbox: SyncMailbox) => (record: MessageRecord) => void,
  ): Promise<SyncMailbox | undefined> {
    let found: SyncMailbox | undefined;
    let take: ((record: MessageRecord) => void) | undefined;
    await this.link.command("GET", "FULLMAILBOX", (writer) => writer.string(name), {
      records(head) {
        found = readMailbox(new DlistReader(Buffer.concat([head, LIST_END]), MAILBOX_START_BYTES));
        take = begin(found);
        return {
          block(bytes) {
            for (const item of new DlistReader(bytes).sequence()) take?.(readRecord(item));
          },
          end() {},
        };
      },
      line(key, reader) {
        if (key !== "MAILBOX") return;
        found = readMailbox(reader);
        take ??= begin(found);
        for (const item of found.records?.elements() ?? []) take(readRecord(item));
      },
    });
    return found;
  }

  async fetch(mailbox: SyncMailbox, guid: string, uid: number): Promise<Buffer | undefined> {
    let found: Buffer | undefined;
    await this.link.command(
      "GET",
      "FETCH",
      (writer) =>
        writer.kvlist((kv) => {
          kv.key("MBOXNAME").string(mailbox.name).key("PARTITION").string(mailbox.partition);
          kv.key("UNIQUEID").string(mailbox.uniqueId).key("GUID").raw(guid).key("UID").number(uid);
        }),
      { file: (_, body) => void (found = body) },
    );
    return found;
  }

  async getQuota(root: string): Promise<string | undefined> {
    let found: string | undefined;
    await this.link.command("GET", "QUOTA", (writer) => writer.string(root), {
      line(key, reader) {
        if (key === "QUOTA") found = quotaKey(readFields(reader));
      },
    });
    return found;
  }

  /** Server annotations, as `entry\0user` → value. */
  async getServerAnnotations(): Promise<ReadonlyMap<string, Buffer>> {
    const found = new Map<string, Buffer>();
    await this.link.command("GET", "ANNOTATION", (writer) => writer.string(""), {
      line(key, reader) {
        if (key !== "ANNOTATION") return;
        const fields = readFields(reader);
        found.set(`${fields.text("ENTRY")}\0${fields.text("USERID")}`, fields.bytes("VALUE"));
      },
    });
    return found;
  }

  /** GUIDs that the replica has in none of the mailboxes. */
  async reserve(
    partition: string,
    mailboxes: readonly string[],
    guids: readonly string[],
  ): Promise<readonly string[]> {
    const missing: string[] = [];
    await this.link.command(
      "APPLY",
      "RESERVE",
      (writer) =>
        writer.kvlist((kv) => {
          kv.key("PARTITION").string(partition);
          kv.key("MBOXNAME").list((list) => {
            for (const name of mailboxes) list.string(name);
          });
          kv.key("GUID").list((list) => {
            for (const guid of guids) list.raw(guid);
          });
        }),
      {
        line(key, reader) {
          if (key === "MISSING") reader.list((item) => void missing.push(item.text()));
        },
      },
    );
    return missing;
  }

  rename(from: string, to: string, partition: string, uidValidity: number): Promise<void> {
    return this.link.command("APPLY", "RENAME", (writer) =>
      writer.kvlist((kv) => {
        kv.key("OLDMBOXNAME").string(from).key("NEWMBOXNAME").string(to);
        kv.key("PARTITION").string(partition).key("UIDVALIDITY").number(uidValidity);
      }),
    );
  }

  unmailbox(name: string): Promise<void> {
    return this.link.command("APPLY", "UNMAILBOX", (writer) => writer.string(name));
  }

  unuser(user: string): Promise<void> {
    return this.link.command("APPLY", "UNUSER", (writer) => writer.string(user));
  }

  expunge(mailbox: SyncMailbox, uids: readonly number[]): Promise<void> {
    return this.link.command("APPLY", "EXPUNGE", (writer) =>
      writer.kvlist((kv) => {
        kv.key("MBOXNAME").string(mailbox.name).key("UNIQUEID").string(mailbox.uniqueId);
        kv.key("UID").list((list) => {
          for (const uid of uids) list.number(uid);
        });
      }),
    );
  }

  subscribe(user: string, name: string, subscribed: boolean): Promise<void> {
    return this.link.command("APPLY", subscribed ? "SUB" : "UNSUB", (writer) =>
      writer.kvlist((kv) => kv.key("USERID").string(user).key("MBOXNAME").string(name)),
    );
  }

  seen(state: SeenState): Promise<void> {
    return this.link.command("APPLY", "SEEN", (writer) =>
      writer.kvlist((kv) => {
        kv.key("USERID").string(state.userId).key("UNIQUEID").string(state.uniqueId);
        kv.key("LASTREAD").number(state.lastRead).key("LASTUID").number(state.lastUid);
        kv.key("LASTCHANGE").number(state.lastChange).key("SEENUIDS").string(state.seenUids);
      }),
    );
  }

  quota(root: QuotaRoot): Promise<void> {
    return this.link.command("APPLY", "QUOTA", (writer) =>
      writer.kvlist((kv) => {
        kv.key("ROOT").string(root.root);
        for (const [key, value] of quotaValues(root)) kv.key(key).number(value);
        kv.key("MODSEQ").number(root.modseq);
      }),
    );
  }

  unquota(root: string): Promise<void> {
    return this.link.command("APPLY", "UNQUOTA", (writer) => writer.string(root));
  }

  annotation(entry: string, userId: string, value: Buffer | undefined): Promise<void> {
    return this.link.command("APPLY", value === undefined ? "UNANNOTATION" : "ANNOTATION", (writer) =>
      writer.kvlist((kv) => {
        kv.key("MBOXNAME").string("").key("ENTRY").string(entry).key("USERID").string(userId);
        if (value !== undefined) kv.key("VALUE").string(value);
      }),
    );
  }

  script(user: string, line: SieveLine, content: Buffer): Promise<void> {
    return this.link.command("APPLY", "SIEVE", (writer) =>
      writer.kvlist((kv) => {
        kv.key("USERID").string(user).key("FILENAME").string(line.name);
        kv.key("LAST_UPDATE").number(line.lastUpdate).key("CONTENT").literal(content);
      }),
    );
  }

  removeScript(user: string, file: string): Promise<void> {
    return this.link.command("APPLY", "UNSIEVE", (writer) =>
      writer.kvlist((kv) => kv.key("USERID").string(user).key("FILENAME").string(file)),
    );
  }

  /** undefined = none is active. */
  activateScript(user: string, file: string | undefined): Promise<void> {
    const key = file === undefined ? "UNACTIVATE_SIEVE" : "ACTIVATE_SIEVE";
    return this.link.command("APPLY", key, (writer) =>
      writer.kvlist((kv) => {
        kv.key("USERID").string(user);
        if (file !== undefined) kv.key("FILENAME").string(file);
      }),
    );
  }

  /** From now on the replica gives way in every conflict. */
  force(): Promise<void> {
    return this.link.command("APPLY", "FORCE", (writer) => writer.kvlist(() => {}));
  }

  /** Lets the replica forget what was uploaded and not filed. */
  async restart(): Promise<void> {
    await this.link.plain("RESTART");
  }

  async #mailboxLines(key: string, values: readonly string[]): Promise<SyncMailbox[]> {
    const found: SyncMailbox[] = [];
    if (values.length === 0) return found;
    await this.link.command(
      "GET",
      key,
      (writer) =>
        writer.list((list) => {
          for (const value of values) list.string(value);
        }),
      {
        line(word, reader) {
          if (word === "MAILBOX") found.push(readMailbox(reader));
        },
      },
    );
    return found;
  }

  async #userLines(key: "USER" | "META", user: string): Promise<RemoteUser> {
    const mailboxes: SyncMailbox[] = [];
    const quotas = new Map<string, string>();
    const subscriptions = new Set<string>();
    const seen = new Map<string, Omit<SeenState, "userId">>();
    const scripts = new Map<string, SieveLine>();
    const take: Readonly<Record<string, (reader: DlistReader) => void>> = {
      MAILBOX: (reader) => void mailboxes.push(readMailbox(reader)),
      QUOTA(reader) {
        const fields = readFields(reader);
        quotas.set(fields.text("ROOT"), quotaKey(fields));
      },
      LSUB: (reader) => reader.list((item) => void subscriptions.add(item.text())),
      SIEVE(reader) {
        const fields = readFields(reader);
        const name = fields.text("FILENAME");
        scripts.set(name, {
          name,
          guid: fields.text("GUID"),
          lastUpdate: fields.number("LAST_UPDATE"),
          active: fields.number("ISACTIVE") !== 0,
        });
      },
      SEEN(reader) {
        const fields = readFields(reader);
        seen.set(fields.text("UNIQUEID"), {
          uniqueId: fields.text("UNIQUEID"),
          lastRead: fields.number("LASTREAD"),
          lastUid: fields.number("LASTUID"),
          lastChange: fields.number("LASTCHANGE"),
          seenUids: fields.text("SEENUIDS"),
        });
      },
    };
    await this.link.command("GET", key, (writer) => writer.string(user), {
      line: (word, reader) => take[word]?.(reader),
    });
    return { mailboxes, quotas, subscriptions, seen, scripts };
  }
}

function quotaValues(root: QuotaRoot): readonly (readonly [string, number])[] {
  const kib = (bytes: number): number => Math.ceil(bytes / KIB);
  const storage = root.storageLimitBytes === undefined ? undefined : kib(root.storageLimitBytes);
  const annotations = root.annotationStorageLimitBytes;
  return [
    ["LIMIT", storage ?? UNLIMITED] as const,
    ["STORAGE", storage] as const,
    ["MESSAGE", root.messageLimit] as const,
    ["X-ANNOTATION-STORAGE", annotations === undefined ? undefined : kib(annotations)] as const,
    ["X-NUM-FOLDERS", root.mailboxLimit] as const,
  ].flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
}

const QUOTA_KEYS = ["STORAGE", "MESSAGE", "X-ANNOTATION-STORAGE", "X-NUM-FOLDERS"];

function quotaKey(fields: Fields): string {
  return QUOTA_KEYS.map((key) => {
    if (key === "STORAGE" && !fields.has(key)) return limitText(fields.number("LIMIT"));
    return limitText(fields.has(key) ? fields.number(key) : UNLIMITED);
  }).join(" ");
}

/** The limits of a root in the form of `RemoteUser.quotas`. */
export function quotaText(root: QuotaRoot): string {
  const values = new Map(quotaValues(root));
  return QUOTA_KEYS.map((key) => limitText(values.get(key) ?? UNLIMITED)).join(" ");
}

function limitText(value: number): string {
  return value >= UNLIMITED ? "-" : String(value);
}
