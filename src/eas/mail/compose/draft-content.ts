/** A draft taken apart into what a device can change. */
import type { MessageBytes } from "../message-source.ts";
import { layOut, type Attachment } from "../layout.ts";
import { type MailAddress, readMailHeader } from "../mail-header.ts";
import { partText } from "../mail-text.ts";
import { type MailPart, readParts } from "../part.ts";
import { unflow } from "../plain-text.ts";

export interface Draft {
  readonly to: readonly MailAddress[];
  readonly cc: readonly MailAddress[];
  readonly bcc: readonly MailAddress[];
  readonly replyTo: readonly MailAddress[];
  readonly subject: string;
  /** 0 low, 1 normal, 2 high. */
  readonly importance: number;
  readonly plain: string | undefined;
  readonly html: string | undefined;
  readonly files: readonly DraftFile[];
  /** Raw values, so that a draft of an answer stays one; "" = none. */
  readonly inReplyTo: string;
  readonly references: string;
}

export interface DraftFile {
  /** Of the part it was; "" for a new one. */
  readonly path: string;
  /** With its header. */
  readonly entity: Buffer;
  readonly inline: boolean;
}

export function emptyDraft(): Draft {
  return {
    to: [],
    cc: [],
    bcc: [],
    replyTo: [],
    subject: "",
    importance: 1,
    plain: "",
    html: undefined,
    files: [],
    inReplyTo: "",
    references: "",
  };
}

export async function readDraft(source: MessageBytes): Promise<Draft> {
  const header = readMailHeader(await source.read(0, source.root.bodyStart));
  const layout = layOut(await readParts(source));
  const [first] = layout.text;
  const { to, cc, bcc, replyTo, subject, importance, inReplyTo, references } = header;
  return {
    to,
    cc,
    bcc,
    replyTo,
    subject,
    importance,
    inReplyTo,
    references,
    plain: await joined(source, first?.plain),
    html: await joined(source, first?.html),
    files: await entities(source, layout.attachments),
  };
}

async function joined(
  source: MessageBytes,
  parts: readonly MailPart[] | undefined,
): Promise<string | undefined> {
  if (parts === undefined) return undefined;
  const texts: string[] = [];
  for (const part of parts) texts.push(unflow(await partText(source, part), part));
  return texts.join("\r\n");
}

/** Attachments as they stand, header and all, so that nothing is encoded anew. */
export async function entities(
  source: MessageBytes,
  attachments: readonly Attachment[],
): Promise<DraftFile[]> {
  const files: DraftFile[] = [];
  for (const { part, inline } of attachments) {
    // What is inside of an attached message comes with it.
    if (attachments.some((other) => other.part !== part && contains(other.part, part))) continue;
    const { headerStart, bodyEnd } = part.node;
    files.push({ path: part.path, entity: await source.read(headerStart, bodyEnd), inline });
  }
  return files;
}

function contains(outer: MailPart, inner: MailPart): boolean {
  return outer.path !== "" && inner.path.startsWith(`${outer.path}.`);
}
