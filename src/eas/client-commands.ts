/** The commands of the client, each as a function: values in, the answer's document out. */
import { tagOf } from "../wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../wire/wbxml/writer.ts";
import { type EasClient, EasClientError, type EasRequestExtras } from "./client.ts";
import type { Element } from "./element.ts";

const t = tagOf;

export interface ClientFolder {
  readonly serverId: string;
  readonly parentId: string;
  readonly name: string;
  /** MS-ASCMD §2.2.3.186.3: 2 inbox, 3 drafts, 4 trash, 5 sent, 12 mail. */
  readonly type: number;
}

export interface FolderChanges {
  readonly status: number;
  readonly syncKey: string;
  readonly adds: readonly ClientFolder[];
  readonly updates: readonly ClientFolder[];
  readonly deletes: readonly string[];
}

export async function folderSync(client: EasClient, syncKey = "0"): Promise<FolderChanges> {
  const root = await answered(client, "FolderSync", (writer) => {
    writer.start(t("FolderHierarchy:FolderSync")).text(t("FolderHierarchy:SyncKey"), syncKey).end();
  });
  const changes = root.child(t("FolderHierarchy:Changes"));
  const folders = (name: string): ClientFolder[] =>
    (changes?.all(t(`FolderHierarchy:${name}`)) ?? []).map(readFolder);
  return {
    status: root.numberOf(t("FolderHierarchy:Status")) ?? 0,
    syncKey: root.textOf(t("FolderHierarchy:SyncKey")) ?? "",
    adds: folders("Add"),
    updates: folders("Update"),
    deletes: folders("Delete").map(({ serverId }) => serverId),
  };
}

function readFolder(element: Element): ClientFolder {
  return {
    serverId: element.textOf(t("FolderHierarchy:ServerId")) ?? "",
    parentId: element.textOf(t("FolderHierarchy:ParentId")) ?? "",
    name: element.textOf(t("FolderHierarchy:DisplayName")) ?? "",
    type: element.numberOf(t("FolderHierarchy:Type")) ?? 0,
  };
}

/** One collection of a Sync request. Undefined elements are left out. */
export interface SyncCollection {
  readonly syncKey: string;
  readonly collectionId: string;
  readonly deletesAsMoves?: boolean;
  readonly getChanges?: boolean;
  readonly windowSize?: number;
  readonly filterType?: number;
  readonly conflict?: number;
  readonly mimeSupport?: number;
  readonly bodyPreferences?: readonly {
    readonly type: number;
    readonly truncationSize?: number;
    readonly allOrNone?: boolean;
  }[];
  /** Writes Add, Change, Delete, Fetch elements. */
  readonly commands?: (writer: WbxmlWriter) => void;
}

export interface SyncExtras extends EasRequestExtras {
  readonly windowSize?: number;
  /** Minutes. */
  readonly wait?: number;
  readonly heartbeatSeconds?: number;
  readonly partial?: boolean;
}

/** The Sync document; undefined when nothing changed (an empty 200). */
export function sync(
  client: EasClient,
  collections: readonly SyncCollection[],
  extras: SyncExtras = {},
): Promise<Element | undefined> {
  return client.command("Sync", (writer) => writeSync(writer, collections, extras), extras);
}

/** The elements in the order of the schema: MS-ASCMD §6.39. */
export function writeSync(
  writer: WbxmlWriter,
  collections: readonly SyncCollection[],
  extras: SyncExtras,
): void {
  writer.start(t("AirSync:Sync"));
  if (collections.length > 0) {
    writer.start(t("AirSync:Collections"));
    for (const collection of collections) writeCollection(writer, collection);
    writer.end();
  }
  if (extras.wait !== undefined) writer.text(t("AirSync:Wait"), extras.wait);
  if (extras.heartbeatSeconds !== undefined)
    writer.text(t("AirSync:HeartbeatInterval"), extras.heartbeatSeconds);
  if (extras.windowSize !== undefined) writer.text(t("AirSync:WindowSize"), extras.windowSize);
  if (extras.partial === true) writer.empty(t("AirSync:Partial"));
  writer.end();
}

function writeCollection(writer: WbxmlWriter, collection: SyncCollection): void {
  writer.start(t("AirSync:Collection"));
  writer
    .text(t("AirSync:SyncKey"), collection.syncKey)
    .text(t("AirSync:CollectionId"), collection.collectionId);
  if (collection.deletesAsMoves !== undefined) {
    writer.text(t("AirSync:DeletesAsMoves"), Number(collection.deletesAsMoves));
  }
  if (collection.getChanges !== undefined)
    writer.text(t("AirSync:GetChanges"), Number(collection.getChanges));
  if (collection.windowSize !== undefined) writer.text(t("AirSync:WindowSize"), collection.windowSize);
  writeOptions(writer, collection);
  if (collection.commands !== undefined) {
    writer.start(t("AirSync:Commands"));
    collection.commands(writer);
    writer.end();
  }
  writer.end();
}

function writeOptions(writer: WbxmlWriter, collection: SyncCollection): void {
  const { filterType, conflict, mimeSupport, bodyPreferences = [] } = collection;
  const given = [filterType, conflict, mimeSupport].some((value) => value !== undefined);
  if (!given && bodyPreferences.length === 0) return;
  writer.start(t("AirSync:Options"));
  if (filterType !== undefined) writer.text(t("AirSync:FilterType"), filterType);
  for (const { type, truncationSize, allOrNone } of bodyPreferences) {
    writer.start(t("AirSyncBase:BodyPreference")).text(t("AirSyncBase:Type"), type);
    if (truncationSize !== undefined) writer.text(t("AirSyncBase:TruncationSize"), truncationSize);
    if (allOrNone !== undefined) writer.text(t("AirSyncBase:AllOrNone"), Number(allOrNone));
    writer.end();
  }
  if (conflict !== undefined) writer.text(t("AirSync:Conflict"), conflict);
  if (mimeSupport !== undefined) writer.text(t("AirSync:MIMESupport"), mimeSupport);
  writer.end();
}

/** What a Sync answer says of one collection; undefined when the answer is empty or leaves it out. */
export interface SyncedCollection {
  readonly status: number;
  readonly syncKey: string;
  readonly moreAvailable: boolean;
  /** Add, Change, Delete, SoftDelete of the server, in their order. */
  readonly commands: readonly Element[];
  readonly responses: readonly Element[];
}

export function syncedCollection(
  root: Element | undefined,
  collectionId: string,
): SyncedCollection | undefined {
  const found = root
    ?.child(t("AirSync:Collections"))
    ?.all(t("AirSync:Collection"))
    .find((collection) => collection.textOf(t("AirSync:CollectionId")) === collectionId);
  if (found === undefined) return undefined;
  return {
    status: found.numberOf(t("AirSync:Status")) ?? 0,
    syncKey: found.textOf(t("AirSync:SyncKey")) ?? "",
    moreAvailable: found.child(t("AirSync:MoreAvailable")) !== undefined,
    commands: found.child(t("AirSync:Commands"))?.children ?? [],
    responses: found.child(t("AirSync:Responses"))?.children ?? [],
  };
}

export interface PingAnswer {
  readonly status: number;
  /** Folders with changes. */
  readonly folders: readonly string[];
  /** When the asked one is out of range. */
  readonly heartbeatSeconds: number | undefined;
  readonly maxFolders: number | undefined;
}

/** Without arguments an empty Ping: the last parameters again. */
export async function ping(
  client: EasClient,
  heartbeatSeconds?: number,
  folderIds: readonly string[] = [],
  extras: EasRequestExtras = {},
): Promise<PingAnswer> {
  const build = (writer: WbxmlWriter): void => {
    writer.start(t("Ping:Ping"));
    if (heartbeatSeconds !== undefined) writer.text(t("Ping:HeartbeatInterval"), heartbeatSeconds);
    if (folderIds.length > 0) {
      writer.start(t("Ping:Folders"));
      for (const id of folderIds) {
        writer.start(t("Ping:Folder")).text(t("Ping:Id"), id).text(t("Ping:Class"), "Email").end();
      }
      writer.end();
    }
    writer.end();
  };
  const isEmpty = heartbeatSeconds === undefined && folderIds.length === 0;
  const root = await client.command("Ping", isEmpty ? undefined : build, {
    timeoutMs: ((heartbeatSeconds ?? 3540) + 60) * 1000,
    ...extras,
  });
  if (root === undefined) throw new EasClientError(200, "Ping got an empty answer");
  return {
    status: root.numberOf(t("Ping:Status")) ?? 0,
    folders: root.child(t("Ping:Folders"))?.children.map(({ text }) => text) ?? [],
    heartbeatSeconds: root.numberOf(t("Ping:HeartbeatInterval")),
    maxFolders: root.numberOf(t("Ping:MaxFolders")),
  };
}

/** SendMail as 14.0 and later write it, or as RFC 822 text in 12.x. Undefined when it went well. */
export function sendMail(
  client: EasClient,
  message: Buffer,
  { clientId = "1", saveInSent = true }: { readonly clientId?: string; readonly saveInSent?: boolean } = {},
): Promise<Element | undefined> {
  if (client.version >= 140) {
    return client.command("SendMail", (writer) => {
      writer.start(t("ComposeMail:SendMail")).text(t("ComposeMail:ClientId"), clientId);
      if (saveInSent) writer.empty(t("ComposeMail:SaveInSentItems"));
      writer.start(t("ComposeMail:Mime")).opaque(message).end().end();
    });
  }
  return sendRfc822(client, "SendMail", message, saveInSent ? { SaveInSent: "T" } : {});
}

/** SendMail, SmartReply and SmartForward of 12.x. */
export async function sendRfc822(
  client: EasClient,
  command: string,
  message: Buffer,
  parameters: Readonly<Record<string, string>>,
): Promise<undefined> {
  const response = await client.post(command, message, { contentType: "message/rfc822", parameters });
  if (response.status !== 200) throw new EasClientError(response.status, `${command} got ${response.status}`);
}

/** ItemOperations Fetch of one item by its ServerId. */
export function fetchItem(
  client: EasClient,
  collectionId: string,
  serverId: string,
  bodyType: number,
  extras: EasRequestExtras = {},
): Promise<Element> {
  return answered(
    client,
    "ItemOperations",
    (writer) => {
      writer.start(t("ItemOperations:ItemOperations")).start(t("ItemOperations:Fetch"));
      writer.text(t("ItemOperations:Store"), "Mailbox");
      writer.text(t("AirSync:CollectionId"), collectionId).text(t("AirSync:ServerId"), serverId);
      writer.start(t("ItemOperations:Options")).start(t("AirSyncBase:BodyPreference"));
      writer.text(t("AirSyncBase:Type"), bodyType).end().end().end().end();
    },
    extras,
  );
}

export function moveItem(
  client: EasClient,
  itemId: string,
  sourceId: string,
  targetId: string,
): Promise<Element> {
  return answered(client, "MoveItems", (writer) => {
    writer.start(t("Move:MoveItems")).start(t("Move:Move"));
    writer
      .text(t("Move:SrcMsgId"), itemId)
      .text(t("Move:SrcFldId"), sourceId)
      .text(t("Move:DstFldId"), targetId);
    writer.end().end();
  });
}

/** A command whose answer is never empty. @throws EasClientError */
export async function answered(
  client: EasClient,
  name: string,
  build: (writer: WbxmlWriter) => void,
  extras: EasRequestExtras = {},
): Promise<Element> {
  const root = await client.command(name, build, extras);
  if (root === undefined) throw new EasClientError(200, `${name} got an empty answer`);
  return root;
}
