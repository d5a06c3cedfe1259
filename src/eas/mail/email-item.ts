/**
 * The ApplicationData of a mail, in the order of Exchange's answers (devices accept any order of MS-ASEMAIL's elements, but
 * that one was tested with them).
 */
import { SystemFlag } from "../../store/model.ts";
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { ItemState, MailItem } from "../account/port.ts";
import type { ItemContext } from "../item-class.ts";
import type { ProtocolVersion } from "../version.ts";
import { writeAttachments } from "./attachments.ts";
import { categoriesOf } from "./categories.ts";
import { conversationId, conversationIndex } from "./conversation.ts";
import { base, email, email2, PART } from "./email-tags.ts";
import { writeFollowUp } from "./follow-up.ts";
import type { HtmlConverter } from "./html-converter.ts";
import { writeVerb } from "./last-verb.ts";
import { layOut } from "./layout.ts";
import { MailBody, type ShownBody, type ShownPart } from "./mail-body.ts";
import { displayNames, type MailHeader, printAddresses, readMailHeader } from "./mail-header.ts";
import { nativeBodyType } from "./mail-text.ts";
import { codePageOf, mailKind } from "./message-class.ts";
import { MessageSource } from "./message-source.ts";
import { readMeeting } from "./meeting/read-meeting.ts";
import { writeMeeting } from "./meeting/write-meeting.ts";
import { readParts } from "./part.ts";
import { printDate } from "./print-date.ts";

/** Takes a body out of the document, for multipart answers; answers the number of its part. */
export type TakePart = (bytes: Buffer) => number;
export type WriteEmail = (writer: WbxmlWriter, takePart?: TakePart) => void;

/** Of a header, what is looked at. */
const MAX_HEADER_BYTES = 256 * 1024;
/** MS-ASEMAIL §6.2. */
const MAX_BCC_CHARACTERS = 1024;
/** MS-ASAIRS §2.2.2.37. */
const PART_TOO_LARGE = 176;

export async function prepareEmail(
  item: MailItem,
  context: ItemContext,
  converter: HtmlConverter,
  onHeader?: (header: MailHeader) => void,
): Promise<WriteEmail> {
  const { version, options } = context;
  const source = new MessageSource(item);
  const { summary } = item;
  const header = readMailHeader(await source.read(0, Math.min(summary.root.bodyStart, MAX_HEADER_BYTES)));
  onHeader?.(header);
  const root = await readParts(source);
  const layout = layOut(root);
  const body = new MailBody(source, layout, converter);
  const [partPreference] = options.bodyPartPreferences;
  const shown = await body.shown(options);
  const bodyPart =
    partPreference === undefined || version < 141 ? undefined : await body.part(partPreference);
  const meeting =
    layout.calendar === undefined ? undefined : await readMeeting(source, layout.calendar, header);
  const kind = mailKind(root, layout, meeting);
  const firstText = layout.text[0];
  const charset = (firstText?.html ?? firstText?.plain)?.[0]?.node.charset ?? "utf-8";

  return (writer, takePart) => {
    writeAddressing(writer, header);
    writer.text(email.dateReceived, printDate(item.internalDate * 1000));
    if (header.to.length > 0) writer.text(email.displayTo, displayNames(header.to));
    writer.text(email.threadTopic, header.threadTopic);
    writer.text(email.importance, header.importance);
    writer.text(email.read, isRead(item) ? 1 : 0);
    writeAttachments(writer, layout, context, item.uid);
    writeBody(writer, shown, version, takePart);
    writer.text(email.messageClass, kind.messageClass);
    if (meeting !== undefined && kind.messageClass.startsWith("IPM.Schedule")) {
      writeMeeting(writer, meeting, version);
    }
    writer.text(email.internetCpid, codePageOf(charset));
    writeFollowUp(writer, item);
    writer.text(email.contentClass, kind.contentClass);
    writer.text(base.nativeBodyType, nativeBodyType(layout));
    if (version < 140) return;
    writer
      .start(email2.conversationId)
      .opaque(conversationId(item.threadId, summary))
      .end()
      .start(email2.conversationIndex)
      .opaque(conversationIndex(header.threadIndex, summary.sentDateMs ?? item.internalDate * 1000))
      .end();
    writeVerb(writer, item);
    if (isBlindCopy(header, item, context)) writer.text(email2.receivedAsBcc, 1);
    const [sender] = header.sender;
    if (sender !== undefined && sender.address !== header.from[0]?.address) {
      writer.text(email2.sender, printAddresses(header.sender));
    }
    writeCategories(writer, item, false);
    if (bodyPart !== undefined) writeBodyPart(writer, bodyPart);
    if (version < 160) return;
    writer.text(email2.isDraft, item.systemFlags & SystemFlag.draft ? 1 : 0);
    writeBcc(writer, header);
  };
}

/** What a change of flags touches. */
export function writeEmailChange(writer: WbxmlWriter, state: ItemState, version: ProtocolVersion): void {
  writer.text(email.read, isRead(state) ? 1 : 0);
  writeFollowUp(writer, state);
  if (version < 140) return;
  writeVerb(writer, state);
  writeCategories(writer, state, true);
}

function writeAddressing(writer: WbxmlWriter, header: MailHeader): void {
  if (header.to.length > 0) writer.text(email.to, printAddresses(header.to));
  if (header.cc.length > 0) writer.text(email.cc, printAddresses(header.cc));
  if (header.from.length > 0) writer.text(email.from, printAddresses(header.from));
  writer.text(email.subject, header.subject);
  if (header.replyTo.length > 0) writer.text(email.replyTo, printAddresses(header.replyTo));
}

/**
 * A list that is too long is left out whole: a device that sends the draft back without it changes nothing (ghosted), one
 * that got half of it would take the others out.
 */
function writeBcc(writer: WbxmlWriter, { bcc }: MailHeader): void {
  const printed = printAddresses(bcc);
  if (printed !== "" && printed.length <= MAX_BCC_CHARACTERS) writer.text(email2.bcc, printed);
}

/** MS-ASAIRS §2.2.2.9: Type, EstimatedDataSize, Truncated, Data, Preview, Part. */
export function writeBody(
  writer: WbxmlWriter,
  body: ShownBody,
  version: ProtocolVersion,
  takePart: TakePart | undefined,
): void {
  writer.start(base.body).text(base.type, body.type);
  writeSize(writer, body);
  const part = body.bytes.length === 0 ? undefined : takePart?.(body.bytes);
  if (part === undefined) writeData(writer, body);
  if (version >= 140 && body.preview !== "") writer.text(base.preview, body.preview);
  if (part !== undefined) writer.text(PART, part);
  writer.end();
}

/** MS-ASAIRS §2.2.2.10. In multipart answers too it stands in the document: §6 knows Part only below Body. */
function writeBodyPart(writer: WbxmlWriter, body: ShownPart): void {
  writer.start(base.bodyPart).text(base.status, body.tooLarge ? PART_TOO_LARGE : 1);
  writer.text(base.type, body.type);
  writeSize(writer, body);
  writeData(writer, body);
  if (body.preview !== "") writer.text(base.preview, body.preview);
  writer.end();
}

function writeSize(writer: WbxmlWriter, body: ShownBody): void {
  writer.text(base.estimatedDataSize, body.sizeBytes);
  if (body.truncated) writer.text(base.truncated, 1);
}

function writeData(writer: WbxmlWriter, { bytes }: ShownBody): void {
  if (bytes.length > 0) writer.start(base.data).inlineBytes(bytes).end();
}

function writeCategories(writer: WbxmlWriter, { keywords }: ItemState, evenNone: boolean): void {
  const categories = categoriesOf(keywords);
  if (categories.length === 0) {
    if (evenNone) writer.empty(email.categories);
    return;
  }
  writer.start(email.categories);
  for (const category of categories) writer.text(email.category, category);
  writer.end();
}

function isRead({ systemFlags }: ItemState): boolean {
  return (systemFlags & SystemFlag.seen) !== 0;
}

/** Came to this user, and names him nowhere: MS-ASEMAIL §2.2.2.57. Lists never name their members. */
function isBlindCopy(header: MailHeader, item: MailItem, { account }: ItemContext): boolean {
  if (header.isList || item.systemFlags & SystemFlag.draft) return false;
  const own = (list: readonly { readonly address: string }[]): boolean =>
    list.some(({ address }) =>
      account.addresses.some((mine) => mine.toLowerCase() === address.toLowerCase()),
    );
  return !own(header.to) && !own(header.cc) && own(header.bcc);
}
