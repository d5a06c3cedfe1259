/** Mail for tests of the ActiveSync class Email: items and a collection in memory, an account that remembers what it sent. */
import { createHash } from "node:crypto";
import type { Log } from "../../src/base/log.ts";
import { toUid, type Uid } from "../../src/base/numbers.ts";
import type {
  Account,
  AppendOptions,
  DirectoryPerson,
  FailedItem,
  ItemFlagChange,
  ItemState,
  MailCollection,
  MailItem,
  OutgoingMessage,
} from "../../src/eas/account/port.ts";
import type { ItemMarks } from "../../src/eas/account/item-marks.ts";
import type { EasAnswer, EasRequest } from "../../src/eas/command.ts";
import { type Element, parseElement } from "../../src/eas/element.ts";
import { encodeRecord } from "../../src/eas/folders/folder-record.ts";
import type { BodyOptions, ItemContext } from "../../src/eas/item-class.ts";
import { DEFAULT_BODY_OPTIONS } from "../../src/eas/mail/body-options.ts";
import { conversationId } from "../../src/eas/mail/conversation.ts";
import type { DeviceStates, StateAddress } from "../../src/eas/state/port.ts";
import type { ProtocolVersion } from "../../src/eas/version.ts";
import { summarize } from "../../src/mime/summarize.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../src/wire/wbxml/writer.ts";
import { MemoryStates } from "./memory-states.ts";

export interface StoredMail {
  readonly bytes: Buffer;
  systemFlags: number;
  keywords: string[];
  readonly internalDate: number;
  marks?: ItemMarks;
}

export function mailItem(bytes: Buffer, state: Partial<ItemState> = {}): MailItem {
  return {
    uid: toUid(1),
    modseq: 1,
    systemFlags: 0,
    keywords: [],
    internalDate: 1_700_000_000,
    sizeBytes: bytes.length,
    contentKey: createHash("sha1").update(bytes).digest("hex"),
    summary: summarize(bytes),
    threadId: "00000000000000a1",
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
    ...state,
  };
}

/** Just enough of a mail folder for the class Email. */
export class MemoryMail implements Partial<MailCollection> {
  readonly key: string;
  readonly use: MailCollection["use"];
  readonly mails = new Map<number, StoredMail>();
  readonly moved: string[] = [];
  modseq = 1;
  #lastUid = 0;

  constructor(use: MailCollection["use"] = "inbox") {
    this.use = use;
    this.key = `key-${use ?? "folder"}`;
  }

  get collection(): MailCollection {
    return this as unknown as MailCollection;
  }

  put(bytes: Buffer | string, systemFlags = 0, keywords: string[] = []): Uid {
    const uid = ++this.#lastUid;
    this.mails.set(uid, { bytes: Buffer.from(bytes), systemFlags, keywords, internalDate: 1_700_000_000 });
    return toUid(uid);
  }

  get(uid: number): StoredMail {
    const mail = this.mails.get(uid);
    if (mail === undefined) throw new Error(`no mail ${uid}`);
    return mail;
  }

  states(uids: readonly Uid[]): Promise<readonly ItemState[]> {
    return Promise.resolve(uids.filter((uid) => this.mails.has(uid)).map((uid) => this.#item(uid)));
  }

  async *items(uids: readonly Uid[]): AsyncIterable<MailItem | FailedItem> {
    await Promise.resolve();
    for (const uid of uids) if (this.mails.has(uid)) yield this.#item(uid);
  }

  storeFlags(
    uids: readonly Uid[],
    { add, remove, marks }: ItemFlagChange,
  ): Promise<ReadonlyMap<Uid, number>> {
    this.modseq += 1;
    const done = new Map<Uid, number>();
    for (const uid of uids) {
      const mail = this.mails.get(uid);
      if (mail === undefined) continue;
      mail.systemFlags = (mail.systemFlags | add.systemFlags) & ~remove.systemFlags;
      mail.keywords = [...mail.keywords.filter((word) => !remove.keywords.includes(word)), ...add.keywords];
      if (marks !== undefined) mail.marks = marks;
      done.set(uid, this.modseq);
    }
    return Promise.resolve(done);
  }

  append(bytes: Buffer, options: AppendOptions): Promise<{ readonly uid: Uid; readonly modseq: number }> {
    this.modseq += 1;
    const uid = this.put(bytes, options.systemFlags, [...options.keywords]);
    return Promise.resolve({ uid, modseq: this.modseq });
  }

  expunge(uids: readonly Uid[]): Promise<void> {
    for (const uid of uids) this.mails.delete(uid);
    return Promise.resolve();
  }

  move(uids: readonly Uid[], targetKey: string): Promise<ReadonlyMap<Uid, Uid>> {
    this.moved.push(...uids.map((uid) => `${uid} to ${targetKey}`));
    return this.expunge(uids).then(() => new Map());
  }

  release(): void {}

  #item(uid: Uid): MailItem {
    const { bytes, systemFlags, keywords, internalDate, marks } = this.get(uid);
    return mailItem(bytes, {
      uid,
      systemFlags,
      keywords,
      internalDate,
      modseq: this.modseq,
      ...(marks === undefined ? {} : { marks }),
    });
  }
}

/** People whom `searchDirectory` finds by the beginning of their address. */
export const PEOPLE: readonly DirectoryPerson[] = ["bob", "bobby"].map((alias) => ({
  displayName: `${alias} Example`,
  address: `${alias}@example.org`,
  firstName: alias,
  lastName: "Example",
  alias,
  phone: "",
  mobilePhone: "+49 1",
  homePhone: "",
  office: "",
  company: "",
  title: "",
}));

/** What `conversationKey` makes where there are no thread ids. */
function hashOf(bytes: Buffer): string {
  return conversationId("", summarize(bytes)).toString("hex");
}

export interface SendingAccount {
  readonly account: Account;
  readonly sent: OutgoingMessage[];
}

export function sendingAccount(folders: readonly MemoryMail[] = []): SendingAccount {
  const sent: OutgoingMessage[] = [];
  const account: Partial<Account> = {
    userId: "alice",
    displayName: "Alice Example",
    addresses: ["alice@example.org", "a.example@example.org"],
    openMail(key) {
      const found = folders.find((folder) => folder.key === key);
      return found === undefined
        ? Promise.reject(new Error(`no folder ${key}`))
        : Promise.resolve(found.collection);
    },
    folders: () =>
      Promise.resolve(
        folders.map(({ key, use }) => ({
          key,
          parentKey: undefined,
          name: key,
          use,
          class: "mail" as const,
          writable: true,
        })),
      ),
    async searchMail({ freeText, folderKey, conversation, offset, limit }) {
      await Promise.resolve();
      const isWanted = (bytes: Buffer): boolean =>
        bytes.includes(freeText) && (conversation === undefined || hashOf(bytes) === conversation);
      const searched = folders.filter(({ key }) => folderKey === undefined || folderKey === key);
      const hits = searched.flatMap(({ key, mails }) =>
        [...mails]
          .filter(([, { bytes }]) => isWanted(bytes))
          .map(([uid]) => ({ folderKey: key, uid: toUid(uid) })),
      );
      return { total: hits.length, hits: hits.slice(offset, offset + limit) };
    },
    async searchDirectory(query, limit) {
      await Promise.resolve();
      const people = PEOPLE.filter(({ address }) => address.startsWith(query.toLowerCase()));
      return { total: people.length, people: people.slice(0, limit) };
    },
    photo: (address) => Promise.resolve(address.startsWith("bobby") ? Buffer.from("JPEG") : "none"),
    emptyFolder(key) {
      folders.find((folder) => folder.key === key)?.mails.clear();
      return Promise.resolve();
    },
    release() {},
    send(message) {
      sent.push(message);
      return Promise.resolve();
    },
  };
  return { account: account as Account, sent };
}

export function itemContext(
  version: ProtocolVersion,
  options: BodyOptions = DEFAULT_BODY_OPTIONS,
  account: Account = sendingAccount().account,
): ItemContext {
  return { version, account, options, collectionId: "5" };
}

/** What was written, read again as a device reads it. */
export function applicationData(write: (writer: WbxmlWriter) => void): Element {
  const writer = new WbxmlWriter().start(tagOf("AirSync:ApplicationData"));
  write(writer);
  return parseElement(writer.end().finish());
}

export interface RequestFixture {
  readonly command: string;
  readonly version?: ProtocolVersion;
  /** The document, or the message of 12.1. */
  readonly body?: Buffer;
  readonly parameters?: Readonly<Record<string, string>>;
  readonly account: Account;
  readonly states?: DeviceStates;
  /** Folders that the device knows: CollectionId → key. */
  readonly folders?: Readonly<Record<string, string>>;
  readonly acceptMultipart?: boolean;
}

const quiet = (): void => {};
const QUIET: Log = {
  trace: quiet,
  debug: quiet,
  info: quiet,
  warn: quiet,
  error: quiet,
  enabled: () => false,
};

/** The device has synced its folder tree: CollectionId → key. */
export async function knowFolders(
  states: DeviceStates,
  { userId, deviceId }: Pick<StateAddress, "userId" | "deviceId">,
  folders: Readonly<Record<string, string>>,
): Promise<void> {
  const current = Object.entries(folders).map(([id, key]) => ({
    id,
    key,
    parentId: "0",
    name: key,
    type: 12,
  }));
  const record = { currentKey: "1", previousKey: "", current, previous: [], nextId: 100, done: undefined };
  const address: StateAddress = { userId, deviceId, kind: "folders", key: "" };
  await states.put([{ ...address, expected: 0, value: encodeRecord(record) }]);
}

/** What the frame hands to a command. */
export async function easRequest(fixture: RequestFixture): Promise<EasRequest> {
  const { command, version = 141, body = Buffer.alloc(0), states = new MemoryStates() } = fixture;
  const device = { userId: "alice", deviceId: "device1", deviceType: "iPhone", userAgent: "test" };
  const address = { userId: device.userId, deviceId: device.deviceId, kind: "folders", key: "" } as const;
  if (fixture.folders !== undefined && (await states.get(address)) === undefined) {
    await knowFolders(states, address, fixture.folders);
  }
  const isWbxml = body.length > 0 && body[0] === 3;
  return {
    command,
    version,
    device,
    account: fixture.account,
    states,
    root: isWbxml ? parseElement(body) : undefined,
    body,
    parameters: new Map(Object.entries(fixture.parameters ?? {})),
    acceptMultipart: fixture.acceptMultipart ?? false,
    signal: new AbortController().signal,
    hold: (wait) => wait(),
    log: QUIET,
    summary: { inChange: 0, inDelete: 0, inFetch: 0, outChange: 0, outDelete: 0, outFetch: 0 },
  };
}

/** A document from names: `["ComposeMail:SendMail", ["ComposeMail:ClientId", "1"]]`; octets are sent as they are. */
export type Tree = readonly [name: string, ...content: (string | number | Buffer | Tree)[]];

export function wbxml(tree: Tree): Buffer {
  const writer = new WbxmlWriter();
  writeTree(writer, tree);
  return writer.finish();
}

export function writeTree(writer: WbxmlWriter, [name, ...content]: Tree): void {
  if (content.length === 0) {
    writer.empty(tagOf(name));
    return;
  }
  writer.start(tagOf(name));
  for (const piece of content) {
    if (typeof piece === "string" || typeof piece === "number") writer.inline(String(piece));
    else if (Buffer.isBuffer(piece)) writer.opaque(piece);
    else writeTree(writer, piece);
  }
  writer.end();
}

/** Root of an answer. */
export function answerRoot(answer: EasAnswer): Element {
  if (answer.kind !== "wbxml" && answer.kind !== "multipart") throw new Error(`answer is ${answer.kind}`);
  return parseElement(answer.bytes);
}
