/** Drafts that a device adds, changes and sends: MS-ASEMAIL §2.2.2.61 (Send), MS-ASAIRS §2.2.2.2 (Add). */
import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import { AccountError, type MailCollection } from "../account/port.ts";
import type { Element } from "../element.ts";
import type { DeviceChange, ItemContext } from "../item-class.ts";
import { printFileReference } from "./file-reference.ts";
import { base, email, email2 } from "./email-tags.ts";
import { emptyDraft, readDraft } from "./compose/draft-content.ts";
import { type ComposePorts, printDraft } from "./compose/print-draft.ts";
import { applyToDraft, type NewFile } from "./compose/draft-change.ts";
import { layOut } from "./layout.ts";
import { MessageSource, messageInMemory } from "./message-source.ts";
import { readParts } from "./part.ts";

/** MS-ASCMD §2.2.3.177.17, and of §2.2.2 the one for mail without recipients. */
const OK = 1;
const SERVER_ERROR = 5;
const CONVERSION_ERROR = 6;
const OBJECT_NOT_FOUND = 8;
const NO_SPACE = 9;
const NO_RECIPIENT = 119;

const CONTENT = [
  email.to,
  email.cc,
  email2.bcc,
  email.from,
  email.replyTo,
  email.subject,
  email.importance,
  base.body,
  base.attachments,
  email2.send,
];

/** Does a change touch more than flags? */
export function isDraftContent(data: Element): boolean {
  return CONTENT.some((tag) => data.child(tag) !== undefined);
}

export async function addDraft(
  collection: MailCollection,
  data: Element,
  context: ItemContext,
  ports: ComposePorts,
): Promise<DeviceChange> {
  if (collection.use !== "drafts") return refused(CONVERSION_ERROR);
  const { draft, files } = applyToDraft(emptyDraft(), data);
  return save(collection, printDraft(draft, context.account, ports), data, context, files, undefined);
}

export async function changeDraft(
  collection: MailCollection,
  uid: number,
  data: Element,
  context: ItemContext,
  ports: ComposePorts,
): Promise<DeviceChange> {
  for await (const item of collection.items([toUid(uid)])) {
    if (item.failure !== undefined) return refused(SERVER_ERROR);
    if ((item.systemFlags & SystemFlag.draft) === 0 && collection.use !== "drafts")
      return refused(CONVERSION_ERROR);
    const before = await readDraft(new MessageSource(item));
    const { draft, files } = applyToDraft(before, data);
    return save(collection, printDraft(draft, context.account, ports), data, context, files, uid);
  }
  return refused(OBJECT_NOT_FOUND);
}

/** Stored first, then the old one goes: a failure between leaves two drafts, never none. */
async function save(
  collection: MailCollection,
  bytes: Buffer,
  data: Element,
  context: ItemContext,
  files: readonly NewFile[],
  replaced: number | undefined,
): Promise<DeviceChange> {
  try {
    if (data.flagOf(email2.send, false)) {
      const { onceKey } = context;
      await context.account.send({ bytes, saveInSent: true, ...(onceKey !== undefined && { onceKey }) });
      if (replaced !== undefined) await expungeSent(collection, replaced);
      return { status: OK, uid: undefined, modseq: 0 };
    }
    const { uid, modseq } = await collection.append(bytes, {
      systemFlags: SystemFlag.draft | SystemFlag.seen,
      keywords: [],
    });
    if (replaced !== undefined) await collection.expunge([toUid(replaced)]);
    const references = await referencesOf(bytes, uid, context.collectionId, files);
    if (references.length === 0) return { status: OK, uid, modseq };
    return {
      status: OK,
      uid,
      modseq,
      // So that the device knows what its uploads are called now.
      write(writer) {
        writer.start(base.attachments);
        for (const { clientId, reference } of references) {
          writer
            .start(base.attachment)
            .text(base.fileReference, reference)
            .text(base.clientId, clientId)
            .end();
        }
        writer.end();
      },
    };
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    if (error.code === "over_quota" || error.code === "message_too_big") return refused(NO_SPACE);
    return refused(error.code === "no_recipient" ? NO_RECIPIENT : SERVER_ERROR);
  }
}

/** The message is on its way: a draft that stays is no reason to have the device send it again. */
async function expungeSent(collection: MailCollection, uid: number): Promise<void> {
  try {
    await collection.expunge([toUid(uid)]);
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
  }
}

async function referencesOf(
  bytes: Buffer,
  uid: number,
  collectionId: string,
  files: readonly NewFile[],
): Promise<readonly { readonly clientId: string; readonly reference: string }[]> {
  if (files.length === 0) return [];
  const { attachments } = layOut(await readParts(messageInMemory(bytes)));
  // New files stand last, inline ones and others apart.
  const found: { clientId: string; reference: string }[] = [];
  for (const inline of [true, false]) {
    const parts = attachments.filter((attachment) => attachment.inline === inline);
    const added = files.filter((file) => file.inline === inline);
    for (const [index, { clientId }] of added.entries()) {
      const part = parts[parts.length - added.length + index]?.part;
      if (part === undefined || clientId === "") continue;
      found.push({ clientId, reference: printFileReference({ collectionId, uid, path: part.path }) });
    }
  }
  return found;
}

function refused(status: number): DeviceChange {
  return { status, uid: undefined, modseq: 0 };
}
