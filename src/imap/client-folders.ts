/** The folders of a server: LIST with what it can tell beside the names (RFC 5258, 5819, 6154, 8474), NAMESPACE. */
import { astring, ok, type ImapLink } from "./client-connect.ts";
import type { CommandPart, CommandResult } from "./client-command.ts";
import type { Reader } from "./codec/reader.ts";
import { readValue, type Untagged, type Value } from "./codec/response.ts";
import { decodeMutf7, encodeMutf7 } from "../store/mutf7.ts";

export interface FolderStatus {
  readonly uidValidity: number;
  readonly uidNext: number;
  readonly messages: number;
  readonly unseen: number;
  /** 0 = the server has no CONDSTORE for it. */
  readonly highestModseq: number;
  /** RFC 8438; undefined = not told. */
  readonly sizeBytes: number | undefined;
  /** RFC 8474; "" = not told. */
  readonly mailboxId: string;
}

export interface Folder {
  /** For people and as a key: as the server lists it. */
  readonly name: string;
  /** As the server lists it, byte by byte. */
  readonly wireName: Buffer;
  /** Levels in plain text. */
  readonly path: readonly string[];
  readonly separator: string;
  /** Lower case, without backslash. */
  readonly attributes: ReadonlySet<string>;
  readonly isSelectable: boolean;
  readonly isSubscribed: boolean;
  /** RFC 6154, lower case: sent, drafts …; undefined = none. */
  readonly specialUse: string | undefined;
  /** undefined = cannot be selected, or the server refused to tell. */
  readonly status: FolderStatus | undefined;
}

export interface FolderList {
  readonly folders: readonly Folder[];
  /** Of the personal namespace, as on the wire: "" or `INBOX.`. */
  readonly personalPrefix: string;
  /** Of others' and shared folders. */
  readonly foreignPrefixes: readonly string[];
  /** Whatever is not below the personal prefix is shared: Cyrus's traditional namespace. */
  readonly sharesTheRest?: boolean;
  readonly separator: string;
}

const ID_ITEMS = "UIDVALIDITY MAILBOXID";
const SPECIAL_USES = ["all", "archive", "drafts", "flagged", "junk", "sent", "trash", "important"];

/**
 * Everything in one round trip where the server has LIST-STATUS. What `before` sent goes out in the same one.
 *
 * Dovecot and Cyrus may answer a command while an earlier one still waits for its tagged line: which command an answer
 * belongs to is told by what it says.
 * @throws ImapClientError, also when the server does not complete the list
 */
export async function listFolders(
  { client, capabilities }: ImapLink,
  before: readonly Promise<CommandResult>[] = [],
): Promise<FolderList> {
  const items = statusItems(capabilities);
  const isExtended = capabilities.has("LIST-EXTENDED") || capabilities.has("IMAP4REV2");
  const hasStatus = isExtended && (capabilities.has("LIST-STATUS") || capabilities.has("IMAP4REV2"));
  const wishes = capabilities.has("SPECIAL-USE") ? ["SUBSCRIBED", "SPECIAL-USE"] : ["SUBSCRIBED"];
  const hasIds = capabilities.has("OBJECTID");
  // Apart: Cyrus 3.6.1 tells wrong ids when they are asked for together with counts.
  const wanted = hasIds ? [items, ID_ITEMS] : [items];
  const lists = !isExtended
    ? ['LIST "" "*"']
    : hasStatus
      ? wanted.map((some) => `LIST "" "*" RETURN (${wishes.join(" ")} STATUS (${some}))`)
      : [`LIST "" "*" RETURN (${wishes.join(" ")})`];
  const asked = [...before];
  if (capabilities.has("NAMESPACE") || capabilities.has("IMAP4REV2")) asked.push(client.command("NAMESPACE"));
  const listing = lists.map((list) => client.command(list));
  asked.push(...listing);
  if (!isExtended) asked.push(client.command('LSUB "" "*"'));
  const untagged = (await Promise.all(asked)).flatMap((result) => result.untagged);
  for (const listed of listing) ok(await listed, "LIST");
  const names = readNames(untagged, "LIST");
  const subscriptions = new Set(readNames(untagged, "LSUB").map(({ name }) => name));
  if (!hasStatus) {
    const selectable = names.filter(({ isSelectable }) => isSelectable);
    const statuses = selectable.flatMap(({ wireName }) =>
      wanted.map((some) => client.command(["STATUS ", ...wireMailbox(wireName), ` (${some})`])),
    );
    for (const answer of await Promise.all(statuses)) untagged.push(...answer.untagged);
  }
  const statuses = readStatuses(untagged);
  const spaces = readNamespace(untagged);
  return {
    folders: names.map((folder) => ({
      ...folder,
      isSubscribed: folder.isSubscribed || subscriptions.has(folder.name),
      status: folder.isSelectable ? statuses.get(folder.name) : undefined,
    })),
    personalPrefix: spaces?.personal ?? "",
    foreignPrefixes: spaces?.foreign ?? [],
    sharesTheRest: spaces?.sharesTheRest ?? false,
    separator: names.find(({ separator }) => separator !== "")?.separator ?? "/",
  };
}

/** Belongs to somebody else, or to several. */
export function isForeign({ name, separator }: Folder, list: FolderList): boolean {
  const isWithin = (prefix: string): boolean =>
    name.startsWith(prefix) || (separator !== "" && `${name}${separator}` === prefix);
  if (list.foreignPrefixes.some(isWithin)) return true;
  return list.sharesTheRest === true && name.toUpperCase() !== "INBOX" && !isWithin(list.personalPrefix);
}

/** What LIST responses say, by what they say: of several about one name the last counts. */
export function listedFolders(untagged: readonly Untagged[]): readonly Folder[] {
  return readNames(untagged, "LIST");
}

/** A name in a command: as it came, or encoded. */
export function wireMailbox(name: Buffer): readonly CommandPart[] {
  const text = name.toString("latin1");
  return /^[\x20-\x7e]*$/.test(text) ? astring(text) : [name];
}

/** Plain text → modified UTF-7 with the server's separator. */
export function wireName(path: readonly string[], separator: string): Buffer {
  return Buffer.from(path.map(encodeMutf7).join(separator), "latin1");
}

function statusItems(capabilities: ReadonlySet<string>): string {
  const items = ["MESSAGES", "UIDNEXT", "UIDVALIDITY", "UNSEEN"];
  if (capabilities.has("CONDSTORE") || capabilities.has("QRESYNC")) items.push("HIGHESTMODSEQ");
  if (capabilities.has("STATUS=SIZE") || capabilities.has("IMAP4REV2")) items.push("SIZE");
  return items.join(" ");
}

function readNames(responses: readonly Untagged[], response: "LIST" | "LSUB"): Folder[] {
  const found = new Map<string, Folder>();
  for (const untagged of responses) {
    if (untagged.name !== response) continue;
    const folder = readName(untagged);
    found.set(folder.name, folder);
  }
  return [...found.values()];
}

function readName(untagged: Untagged): Folder {
  const reader = untagged.arguments().sp();
  const attributes = new Set(reader.list((item) => item.flag().replace(/^\\/, "").toLowerCase()));
  const separator = reader.sp().nstring() ?? "";
  const wire = Buffer.from(reader.sp().astringBytes());
  const name = wire.toString("utf8");
  const levels = separator === "" ? [name] : name.split(separator);
  if (levels.length > 1 && levels.at(-1) === "") levels.pop();
  return {
    name,
    wireName: wire,
    // A name that breaks the rules of modified UTF-7 is taken as it stands.
    path: levels.map((level) => decodeMutf7(level) ?? level),
    separator,
    attributes,
    isSelectable: !attributes.has("noselect") && !attributes.has("nonexistent"),
    isSubscribed: attributes.has("subscribed"),
    specialUse: SPECIAL_USES.find((use) => attributes.has(use)),
    status: undefined,
  };
}

/** By name; of several answers about one folder each adds what it tells. */
function readStatuses(untagged: readonly Untagged[]): Map<string, FolderStatus> {
  const values = new Map<string, Map<string, Value>>();
  for (const response of untagged) {
    if (response.name !== "STATUS") continue;
    const reader = response.arguments().sp();
    const name = reader.astringBytes().toString("utf8");
    values.set(name, new Map([...(values.get(name) ?? []), ...readStatusItems(reader.sp())]));
  }
  return new Map([...values].map(([name, items]) => [name, toStatus(items)]));
}

function readStatusItems(reader: Reader): Map<string, Value> {
  const values = new Map<string, Value>();
  reader.expect("(");
  while (!reader.skip(")")) {
    const item = reader.word();
    values.set(item, readValue(reader.sp()));
    reader.skip(" ");
  }
  return values;
}

function toStatus(values: ReadonlyMap<string, Value>): FolderStatus {
  const number = (item: string): number => Number(values.get(item) ?? 0) || 0;
  const id = values.get("MAILBOXID");
  return {
    uidValidity: number("UIDVALIDITY"),
    uidNext: number("UIDNEXT"),
    messages: number("MESSAGES"),
    unseen: number("UNSEEN"),
    highestModseq: number("HIGHESTMODSEQ"),
    sizeBytes: values.has("SIZE") ? number("SIZE") : undefined,
    mailboxId: Array.isArray(id) ? String(id[0] ?? "") : "",
  };
}

/** RFC 2342 §5: personal, other users', shared; each NIL or a list of (prefix separator …). */
function readNamespace(
  untagged: readonly Untagged[],
): { personal: string; foreign: readonly string[]; sharesTheRest: boolean } | undefined {
  const response = untagged.find(({ name }) => name === "NAMESPACE");
  if (response === undefined) return undefined;
  const reader = response.arguments().sp();
  const personal = prefixes(readValue(reader));
  const others = prefixes(readValue(reader.sp()));
  const shared = prefixes(readValue(reader.sp()));
  return {
    personal: personal[0] ?? "",
    foreign: [...others, ...shared].filter((prefix) => prefix !== "" && !personal.includes(prefix)),
    sharesTheRest: shared.includes("") && !personal.includes(""),
  };
}

function prefixes(value: Value): string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((space: Value) => (Array.isArray(space) ? [String(space[0] ?? "")] : []));
}
