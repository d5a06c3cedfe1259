/** Drafts that a device adds, changes and sends: MS-ASEMAIL §2.2.2.61 (Send), MS-ASAIRS §2.2.2.2 (Add). */
import { createHash } from "node:crypto";
import { toUid, type Uid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import { type ItemMarks, NO_MARKS, sameMarks } from "../account/item-marks.ts";
import { AccountError, type ItemState, type MailCollection, type MailItem } from "../account/port.ts";
import { digestOf, type Element } from "../element.ts";
import type { DeviceChange, ItemContext, ItemOrigin } from "../item-class.ts";
import { printFileReference } from "./file-reference.ts";
import { base, email, email2 } from "./email-tags.ts";
import { changeFlags } from "./flag-change.ts";
import { readFollowUp } from "./follow-up.ts";
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
const UNIQUE_CHARACTERS = 40;
/** Of a draft that is changed. */
const KEPT_FLAGS = SystemFlag.flagged | SystemFlag.answered;

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
  origin: ItemOrigin,
  ports: ComposePorts,
): Promise<DeviceChange> {
  if (collection.use !== "drafts") return refused(CONVERSION_ERROR);
  const { draft, files } = applyToDraft(emptyDraft(), data);
  const unique = uniqueOf(origin.clientId, data, context);
  const before = await findDraft(collection, unique, origin);
  if (before !== undefined) {
    return saved(await before.read(0, before.sizeBytes), before, context, files);
  }
  const bytes = printDraft(draft, context.account, ports, unique);
  return save(collection, bytes, data, context, files, undefined);
}

/** The same for the same item of the same device; devices were seen to give a ClientId to another item later. */
function uniqueOf(clientId: string, data: Element, { account }: ItemContext): string {
  const hash = createHash("sha256").update(`${account.userId}\0${clientId}\0`);
  return hash.update(digestOf(data)).digest("hex").slice(0, UNIQUE_CHARACTERS);
}

/** One that was stored before an answer could be given: its Message-ID tells. */
async function findDraft(
  collection: MailCollection,
  unique: string,
  origin: ItemOrigin,
): Promise<MailItem | undefined> {
  const uids = await origin.unknown();
  if (uids.length === 0) return undefined;
  let found: MailItem | undefined;
  for await (const item of collection.items(uids)) {
    if (item.failure === undefined && item.summary.messageId.startsWith(`${unique}@`)) found = item;
  }
  return found;
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
    const bytes = printDraft(draft, context.account, ports, undefined);
    return save(collection, bytes, data, context, files, item);
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
  replaced: ItemState | undefined,
): Promise<DeviceChange> {
  const flag = data.child(email.flag);
  if (flag !== undefined && readFollowUp(flag) === "invalid") return refused(CONVERSION_ERROR);
  try {
    if (data.flagOf(email2.send, false)) {
      const { onceKey } = context;
      await context.account.send({ bytes, saveInSent: true, ...(onceKey !== undefined && { onceKey }) });
      if (replaced !== undefined) await expungeSent(collection, replaced.uid);
      return { status: OK, uid: undefined, modseq: 0 };
    }
    const appended = await collection.append(bytes, {
      systemFlags: SystemFlag.draft | SystemFlag.seen | ((replaced?.systemFlags ?? 0) & KEPT_FLAGS),
      keywords: replaced?.keywords ?? [],
    });
    const stored = await markAs(collection, appended, replaced?.marks, data);
    if (replaced !== undefined) await collection.expunge([replaced.uid]);
    return await saved(bytes, stored, context, files);
  } catch (error) {
    if (!(error instanceof AccountError)) throw error;
    if (error.code === "over_quota" || error.code === "message_too_big") return refused(NO_SPACE);
    return refused(error.code === "no_recipient" ? NO_RECIPIENT : SERVER_ERROR);
  }
}

/** What was said of the draft before stays with it, and what the device says beside the content is done. */
async function markAs(
  collection: MailCollection,
  { uid, modseq }: { readonly uid: Uid; readonly modseq: number },
  marks: ItemMarks | undefined,
  data: Element,
): Promise<{ readonly uid: Uid; readonly modseq: number }> {
  let last = modseq;
  if (marks !== undefined && !sameMarks(marks, NO_MARKS)) {
    const nothing = { systemFlags: 0, keywords: [] };
    last = (await collection.storeFlags([uid], { add: nothing, remove: nothing, marks })).get(uid) ?? last;
  }
  if (![email.flag, email.categories].some((tag) => data.child(tag) !== undefined))
    return { uid, modseq: last };
  const changed = await changeFlags(collection, uid, data);
  return { uid, modseq: typeof changed === "string" || changed.modseq === 0 ? last : changed.modseq };
}

async function saved(
  bytes: Buffer,
  { uid, modseq }: { readonly uid: number; readonly modseq: number },
  { collectionId }: ItemContext,
  files: readonly NewFile[],
): Promise<DeviceChange> {
  const references = await referencesOf(bytes, uid, collectionId, files);
  if (references.length === 0) return { status: OK, uid, modseq };
  return {
    status: OK,
    uid,
    modseq,
    // So that the device knows what its uploads are called now.
    write(writer) {
      writer.start(base.attachments);
      for (const { clientId, reference } of references) {
        writer.start(base.attachment).text(base.fileReference, reference).text(base.clientId, clientId).end();
      }
      writer.end();
    },
  };
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
