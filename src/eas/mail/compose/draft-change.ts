/** Puts the ApplicationData of a device over a draft; elements that are absent leave what is there (ghosted). */
import type { Element } from "../../element.ts";
import { base, email, email2 } from "../email-tags.ts";
import { parseFileReference } from "../file-reference.ts";
import type { MailAddress } from "../mail-header.ts";
import type { Draft, DraftFile } from "./draft-content.ts";
import { renderFile } from "./entity.ts";
import { parseAddresses } from "./header.ts";

/** A file that came with the change. */
export interface NewFile {
  /** "" = the device gave none. */
  readonly clientId: string;
  readonly inline: boolean;
}

const HTML = "2";
/** MS-ASAIRS §2.2.2.30. */
const EMBEDDED_MESSAGE = 5;

export function applyToDraft(
  before: Draft,
  data: Element,
): { readonly draft: Draft; readonly files: readonly NewFile[] } {
  const addresses = (tag: number, old: readonly MailAddress[]): readonly MailAddress[] => {
    const element = data.child(tag);
    return element === undefined ? old : parseAddresses(element.text);
  };
  const body = data.child(base.body);
  const text = body?.child(base.data)?.text ?? "";
  const isHtml = body?.textOf(base.type) === HTML;
  const attachments = data.child(base.attachments);
  const added = (attachments?.all(base.add) ?? []).map(newFile);
  const importance = data.numberOf(email.importance);
  return {
    draft: {
      ...before,
      to: addresses(email.to, before.to),
      cc: addresses(email.cc, before.cc),
      bcc: addresses(email2.bcc, before.bcc),
      replyTo: addresses(email.replyTo, before.replyTo),
      subject: data.child(email.subject)?.text ?? before.subject,
      importance: importance === undefined ? before.importance : clampImportance(importance),
      plain: body === undefined ? before.plain : isHtml ? undefined : text,
      html: body === undefined ? before.html : isHtml ? text : undefined,
      files: [...remaining(before.files, attachments), ...added.map(({ file }) => file)],
    },
    files: added.map(({ clientId, file }) => ({ clientId, inline: file.inline })),
  };
}

/** 0 low, 1 normal, 2 high; anything else is normal. */
function clampImportance(importance: number): number {
  return importance === 0 || importance === 2 ? importance : 1;
}

function remaining(files: readonly DraftFile[], attachments: Element | undefined): readonly DraftFile[] {
  const gone = new Set(
    (attachments?.all(base.delete) ?? []).map(
      (element) => parseFileReference(element.textOf(base.fileReference) ?? "")?.path,
    ),
  );
  return files.filter(({ path }) => !gone.has(path));
}

function newFile(element: Element): { readonly clientId: string; readonly file: DraftFile } {
  const contentId = element.textOf(base.contentId) ?? "";
  const inline = element.flagOf(base.isInline, false) && contentId !== "";
  const entity = renderFile({
    name: element.textOf(base.displayName) ?? "attachment",
    contentType:
      element.numberOf(base.method) === EMBEDDED_MESSAGE
        ? "message/rfc822"
        : (element.textOf(base.contentType) ?? "application/octet-stream"),
    bytes: element.child(base.content)?.content ?? Buffer.alloc(0),
    contentId,
    inline,
  });
  return { clientId: element.textOf(base.clientId) ?? "", file: { path: "", entity, inline } };
}
