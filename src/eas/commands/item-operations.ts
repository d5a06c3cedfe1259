/**
 * ItemOperations: MS-ASCMD §2.2.1.10. Fetch items and attachments, empty folders (OP-83), move conversations. Each operation
 * has its own Status; the answer is multipart where the device takes that.
 */
import { toUid, type Uid } from "../../base/numbers.ts";
import { type Tag, tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import { AccountError } from "../account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../command.ts";
import type { Element } from "../element.ts";
import { folderKeyOf } from "../folders/folder-key.ts";
import { AttachmentContents } from "../mail/attachment-content.ts";
import { conversationKey } from "../mail/conversation.ts";
import { emailOf } from "../mail/email-class.ts";
import { type FetchServices, runFetch, type WriteResult } from "./fetch-item.ts";
import type { CommandServices } from "./services.ts";

const ROOT = tagOf("ItemOperations:ItemOperations");
const STATUS = tagOf("ItemOperations:Status");
const RESPONSE = tagOf("ItemOperations:Response");
const FETCH = tagOf("ItemOperations:Fetch");
const EMPTY_FOLDER = tagOf("ItemOperations:EmptyFolderContents");
const DELETE_SUB_FOLDERS = tagOf("ItemOperations:DeleteSubFolders");
const OPTIONS = tagOf("ItemOperations:Options");
const MOVE = tagOf("ItemOperations:Move");
const CONVERSATION_ID = tagOf("ItemOperations:ConversationId");
const DST_FLD_ID = tagOf("ItemOperations:DstFldId");
const COLLECTION_ID = tagOf("AirSync:CollectionId");

/** MS-ASCMD §2.2.3.177.8. */
const OK = 1;
const PROTOCOL_ERROR = 2;
const SERVER_ERROR = 3;
const NOT_FOUND = 6;
const TOO_LARGE = 11;
const DENIED = 16;

/** Whatever the order of the requests was, in which they are done: MS-ASCMD §6.24. */
const ANSWER_ORDER: readonly Tag[] = [MOVE, EMPTY_FOLDER, FETCH];

/** Operations of one request. */
const MAX_OPERATIONS = 500;
/** Messages of one conversation that are moved. */
const MAX_CONVERSATION = 1_000;

export function itemOperations(services: CommandServices): Command {
  const contents = new AttachmentContents();
  return {
    name: "ItemOperations",
    async run(request): Promise<EasAnswer> {
      const { root, acceptMultipart } = request;
      const operations = root?.children ?? [];
      const unknown = operations.some(({ tag }) => tag !== FETCH && tag !== EMPTY_FOLDER && tag !== MOVE);
      if (root?.tag !== ROOT || operations.length === 0 || unknown) return onlyStatus(PROTOCOL_ERROR);
      if (operations.length > MAX_OPERATIONS) return onlyStatus(TOO_LARGE);
      const parts: Buffer[] = [];
      const fetch: FetchServices = {
        email: emailOf(services),
        contents,
        takePart: acceptMultipart ? (bytes) => parts.push(bytes) : undefined,
      };
      const results = new Map<Tag, WriteResult[]>(ANSWER_ORDER.map((tag) => [tag, []]));
      for (const operation of operations) {
        const { tag } = operation;
        const run = tag === FETCH ? runFetch : tag === MOVE ? runMove : runEmpty;
        results.get(tag)?.push(await run(request, operation, fetch));
      }
      const writer = new WbxmlWriter().start(ROOT).text(STATUS, OK).start(RESPONSE);
      for (const write of [...results.values()].flat()) write(writer);
      const bytes = writer.end().end().finish();
      return acceptMultipart ? { kind: "multipart", bytes, parts } : { kind: "wbxml", bytes };
    },
  };
}

async function runEmpty(request: EasRequest, operation: Element): Promise<WriteResult> {
  const collectionId = operation.textOf(COLLECTION_ID) ?? "";
  const withChildren = operation.child(OPTIONS)?.flagOf(DELETE_SUB_FOLDERS, false) ?? false;
  const key = await folderKeyOf(request, collectionId);
  const status =
    key === undefined
      ? NOT_FOUND
      : await statusOf(async () => {
          await request.account.emptyFolder(key, { withChildren });
          request.summary.inDelete += 1;
          return OK;
        });
  return (writer) => {
    writer.start(EMPTY_FOLDER).text(STATUS, status).text(COLLECTION_ID, collectionId).end();
  };
}

/** A whole conversation, wherever its messages are. That later ones follow (MoveAlways) is not kept. */
async function runMove(request: EasRequest, operation: Element): Promise<WriteResult> {
  const conversationId = operation.child(CONVERSATION_ID)?.content ?? Buffer.alloc(0);
  const target = await folderKeyOf(request, operation.textOf(DST_FLD_ID) ?? "");
  const conversation = conversationKey(conversationId);
  const status =
    target === undefined || conversation === undefined
      ? NOT_FOUND
      : await statusOf(() => moveConversation(request, conversation, target));
  return (writer) => {
    writer.start(MOVE).text(STATUS, status).start(CONVERSATION_ID).opaque(conversationId).end().end();
  };
}

async function moveConversation(
  { account, summary }: EasRequest,
  conversation: string,
  target: string,
): Promise<number> {
  const { hits } = await account.searchMail({
    folderKey: undefined,
    withChildren: true,
    freeText: "",
    conversation,
    offset: 0,
    limit: MAX_CONVERSATION,
  });
  const byFolder = Map.groupBy(hits, ({ folderKey }) => folderKey);
  byFolder.delete(target);
  for (const [folderKey, found] of byFolder) {
    const collection = await account.openMail(folderKey);
    try {
      const uids: Uid[] = found.map(({ uid }) => toUid(uid));
      await collection.move(uids, target);
      summary.inChange += uids.length;
    } finally {
      collection.release();
    }
  }
  return hits.length === 0 ? NOT_FOUND : OK;
}

async function statusOf(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    if (error.code === "permission_denied" || error.code === "special_folder") return DENIED;
    if (error.code === "folder_missing" || error.code === "item_missing") return NOT_FOUND;
    return SERVER_ERROR;
  }
}

function onlyStatus(status: number): EasAnswer {
  return { kind: "wbxml", bytes: new WbxmlWriter().start(ROOT).text(STATUS, status).end().finish() };
}
