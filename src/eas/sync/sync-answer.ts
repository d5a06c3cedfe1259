/** The document of a Sync answer: MS-ASCMD §2.2.1.21, elements in the order that devices expect. */
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { EasAnswer } from "../command.ts";
import { printItemId } from "../folders/server-id.ts";
import type { ProtocolVersion } from "../version.ts";
import type { CollectionAnswer, FetchedItem } from "./collection-outcome.ts";
import type { CommandResponse } from "./device-commands.ts";
import type { SyncRefusal } from "./sync-request.ts";
import { syncTags as tags, SyncStatus } from "./sync-tags.ts";

/** An item that could be prepared but not written. */
export interface UnwritableItem {
  readonly collectionId: string;
  readonly uid: number;
  readonly error: unknown;
}

/** @param unwritable gets the items that are missing in the answer: it must not be sent then */
export function syncAnswer(
  collections: readonly CollectionAnswer[],
  version: ProtocolVersion,
  unwritable: UnwritableItem[],
): EasAnswer {
  const writer = new WbxmlWriter().start(tags.sync).start(tags.collections);
  for (const collection of collections) writeCollection(writer, collection, version, unwritable);
  return { kind: "wbxml", bytes: writer.end().end().finish() };
}

export function refusalOfSync({ status, limit }: SyncRefusal): EasAnswer {
  const writer = new WbxmlWriter().start(tags.sync).text(tags.status, status);
  if (limit !== undefined) writer.text(tags.limit, limit);
  return { kind: "wbxml", bytes: writer.end().finish() };
}

function writeCollection(
  writer: WbxmlWriter,
  answer: CollectionAnswer,
  version: ProtocolVersion,
  unwritable: UnwritableItem[],
): void {
  writer.start(tags.collection);
  // From 14.0 on the class follows from the CollectionId.
  if (version < 140) writer.text(tags.class, answer.className);
  writer.text(tags.syncKey, answer.syncKey).text(tags.collectionId, answer.collectionId);
  writer.text(tags.status, answer.status);
  writeResponses(writer, answer);
  if (answer.more) writer.empty(tags.moreAvailable);
  writeCommands(writer, answer, unwritable);
  writer.end();
}

function writeResponses(writer: WbxmlWriter, { collectionId, responses, fetched }: CollectionAnswer): void {
  const told = responses.filter(isTold);
  if (told.length + fetched.length === 0) return;
  writer.start(tags.responses);
  for (const response of told) writeResponse(writer, collectionId, response);
  for (const item of fetched) writeFetched(writer, item);
  writer.end();
}

/** MS-ASCMD §2.2.3.155: a Change or Delete that went well is answered by the new SyncKey alone. */
function isTold({ command, status, write }: CommandResponse): boolean {
  return command === "add" || status !== SyncStatus.ok || write !== undefined;
}

function writeResponse(
  writer: WbxmlWriter,
  collectionId: string,
  { command, id, status, uid, write }: CommandResponse,
): void {
  writer.start(command === "add" ? tags.add : command === "change" ? tags.change : tags.delete);
  if (command === "add") {
    writer.text(tags.clientId, id);
    if (uid !== 0) writer.text(tags.serverId, printItemId(collectionId, uid));
  } else writer.text(tags.serverId, id);
  writer.text(tags.status, status);
  if (write !== undefined) {
    writer.start(tags.applicationData);
    write(writer);
    writer.end();
  }
  writer.end();
}

function writeFetched(writer: WbxmlWriter, { serverId, item }: FetchedItem): void {
  const start = writer.mark();
  try {
    writer.start(tags.fetch).text(tags.serverId, serverId);
    writer.text(tags.status, item === undefined ? SyncStatus.notFound : SyncStatus.ok);
    if (item !== undefined) {
      writer.start(tags.applicationData);
      item.write(writer);
      writer.end();
    }
    writer.end();
  } catch {
    writer.rewind(start);
    writer.start(tags.fetch).text(tags.serverId, serverId);
    writer.text(tags.status, SyncStatus.conversionError).end();
  }
}

function writeCommands(writer: WbxmlWriter, answer: CollectionAnswer, unwritable: UnwritableItem[]): void {
  const { collectionId, deletes, softDeletes, changes, adds, itemClass, context } = answer;
  if (deletes.length + softDeletes.length + changes.length + adds.length === 0) return;
  writer.start(tags.commands);
  for (const uid of deletes) {
    writer.start(tags.delete).text(tags.serverId, printItemId(collectionId, uid)).end();
  }
  for (const uid of softDeletes) {
    writer.start(tags.softDelete).text(tags.serverId, printItemId(collectionId, uid)).end();
  }
  for (const state of changes) {
    writer.start(tags.change).text(tags.serverId, printItemId(collectionId, state.uid));
    writer.start(tags.applicationData);
    itemClass.writeChange(writer, state, context);
    writer.end().end();
  }
  for (const { item, write } of adds) {
    const start = writer.mark();
    try {
      writer.start(tags.add).text(tags.serverId, printItemId(collectionId, item.uid));
      writer.start(tags.applicationData);
      write(writer);
      writer.end().end();
    } catch (error) {
      writer.rewind(start);
      unwritable.push({ collectionId, uid: item.uid, error });
    }
  }
  writer.end();
}
