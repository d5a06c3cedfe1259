/** Attachments: MS-ASAIRS §2.2.2.2–8. Names for what has none, sizes after decoding. */
import type { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { ItemContext } from "../item-class.ts";
import { base } from "./email-tags.ts";
import { printFileReference } from "./file-reference.ts";
import type { Attachment, Layout } from "./layout.ts";
import type { MailPart } from "./part.ts";

/** MS-ASAIRS §2.2.2.30: 1 = a file, 5 = an embedded message. */
const FILE = 1;
const EMBEDDED_MESSAGE = 5;
/** More than any list on a screen shows. */
const MAX_ATTACHMENTS = 300;

export function writeAttachments(
  writer: WbxmlWriter,
  layout: Layout,
  { collectionId }: Pick<ItemContext, "collectionId">,
  uid: number,
): void {
  const attachments = layout.attachments.slice(0, MAX_ATTACHMENTS);
  if (attachments.length === 0) return;
  writer.start(base.attachments);
  for (const [index, attachment] of attachments.entries()) {
    const { part } = attachment;
    writer
      .start(base.attachment)
      .text(base.displayName, attachmentName(part, index + 1))
      .text(base.fileReference, printFileReference({ collectionId, uid, path: part.path }))
      .text(base.method, isMessage(part) ? EMBEDDED_MESSAGE : FILE)
      .text(base.estimatedDataSize, decodedSize(part));
    if (part.contentId !== "") writer.text(base.contentId, part.contentId);
    if (part.contentLocation !== "") writer.text(base.contentLocation, part.contentLocation);
    if (isInline(attachment)) writer.text(base.isInline, 1);
    writer.end();
  }
  writer.end();
}

function isInline({ part, inline }: Attachment): boolean {
  return inline && (part.contentId !== "" || part.contentLocation !== "");
}

function isMessage({ node }: MailPart): boolean {
  return node.type === "message" && node.subtype !== "delivery-status" && node.children.length > 0;
}

/** Of base64 an estimate, which is all the element asks for. */
export function decodedSize({ node }: MailPart): number {
  const bytes = node.bodyEnd - node.bodyStart;
  // 76 characters and a line break carry 57 octets.
  return node.encoding === "base64" ? Math.floor((bytes * 57) / 78) : bytes;
}

const EXTENSIONS: Readonly<Record<string, string>> = {
  "image/jpeg": ".jpg",
  "image/png": ".png",
  "image/gif": ".gif",
  "application/pdf": ".pdf",
  "application/zip": ".zip",
  "text/plain": ".txt",
  "text/html": ".html",
  "text/calendar": ".ics",
  "text/vcard": ".vcf",
  "text/x-vcard": ".vcf",
  "application/pkcs7-mime": ".p7m",
  "application/x-pkcs7-mime": ".p7m",
  "application/pkcs7-signature": ".p7s",
  "application/x-pkcs7-signature": ".p7s",
  "application/pgp-signature": ".asc",
};

function attachmentName(part: MailPart, number: number): string {
  if (part.fileName !== "") return part.fileName;
  if (isMessage(part)) return `${part.description || `message ${number}`}.eml`;
  const { type, subtype } = part.node;
  if (/^(?:x-)?pkcs7-/.test(subtype)) return `smime${EXTENSIONS[`${type}/${subtype}`] ?? ".p7m"}`;
  return `${part.description || `attachment ${number}`}${EXTENSIONS[`${type}/${subtype}`] ?? ""}`;
}

export function contentTypeOf({ node }: MailPart): string {
  return `${node.type}/${node.subtype}`;
}
