/**
 * Which parts of a message are its text and which are attachments: RFC 2046 §5.1, RFC 2387, RFC 1847, and what mailers
 * make of them (Apple Mail sets pictures between pieces of text, Outlook nests related in alternative in mixed).
 */
import { parameter } from "../../mime/parameters.ts";
import type { MailPart } from "./part.ts";

/** One piece of the text, in the forms that the sender gave; pieces follow each other. */
export interface TextPiece {
  readonly plain: readonly MailPart[] | undefined;
  readonly html: readonly MailPart[] | undefined;
}

export interface Attachment {
  readonly part: MailPart;
  readonly inline: boolean;
}

export interface Layout {
  readonly text: readonly TextPiece[];
  readonly attachments: readonly Attachment[];
  /** An invitation, its answer or cancellation. */
  readonly calendar: MailPart | undefined;
  /** Opaque: signed or encrypted as a whole, nothing in it can be seen. */
  readonly smime: "none" | "signed" | "opaque";
}

interface Collected {
  text: TextPiece[];
  attachments: Attachment[];
  calendar: MailPart | undefined;
  smime: Layout["smime"];
}

export function layOut(root: MailPart): Layout {
  return collect(root, true);
}

function collect(part: MailPart, isRoot: boolean): Collected {
  const { type, subtype } = part.node;
  if (type === "multipart") return collectMultipart(part, subtype);
  const found = nothing();
  if (type === "message" && part.children.length > 0 && !isRoot) {
    found.attachments.push({ part, inline: false });
    // Attachments of attached mail stand beside it, so that devices that cannot open mail see them (OP-82).
    for (const child of part.children) found.attachments.push(...collect(child, true).attachments);
    return found;
  }
  if (type === "text" && subtype === "calendar") {
    found.calendar = part;
    if (part.disposition === "attachment") found.attachments.push({ part, inline: false });
    return found;
  }
  if (isText(part, isRoot)) {
    found.text.push(
      subtype === "html" ? { plain: undefined, html: [part] } : { plain: [part], html: undefined },
    );
    return found;
  }
  if (type === "application" && /^(?:x-)?pkcs7-mime$/.test(subtype)) {
    const kind = part.contentType && parameter(part.contentType.parameters, "smime-type");
    if (isRoot && kind !== "certs-only") found.smime = "opaque";
  }
  found.attachments.push({ part, inline: part.disposition === "inline" && part.contentId !== "" });
  return found;
}

function isText({ node, disposition, fileName }: MailPart, isRoot: boolean): boolean {
  if (node.type !== "text") return false;
  if (isRoot) return disposition !== "attachment" || fileName === "";
  return (
    disposition !== "attachment" && fileName === "" && (node.subtype === "plain" || node.subtype === "html")
  );
}

function collectMultipart(part: MailPart, subtype: string): Collected {
  const { children } = part;
  switch (subtype) {
    case "alternative":
      return alternatives(children);
    case "related":
      return related(part);
    case "signed": {
      const found = nothing();
      for (const [index, child] of children.entries()) {
        if (index === 0) add(found, collect(child, false));
        else found.attachments.push({ part: child, inline: false });
      }
      const protocol = part.contentType && parameter(part.contentType.parameters, "protocol");
      if (protocol !== undefined && /pkcs7/i.test(protocol)) found.smime = "signed";
      return found;
    }
    default: {
      const found = nothing();
      for (const child of children) add(found, collect(child, false));
      return found;
    }
  }
}

/** The last HTML and the first plain text are one piece; a sender puts what he likes best last (RFC 2046 §5.1.4). */
function alternatives(children: readonly MailPart[]): Collected {
  const found = nothing();
  let plain: MailPart[] | undefined;
  let html: MailPart[] | undefined;
  for (const child of children) {
    const one = collect(child, false);
    found.calendar ??= one.calendar;
    const isUnnamed = (attachment: Attachment): boolean =>
      attachment.part === child && attachment.part.fileName === "" && attachment.part.contentId === "";
    found.attachments.push(...one.attachments.filter((attachment) => !isUnnamed(attachment)));
    if (one.text.some((piece) => piece.html !== undefined)) {
      html = one.text.flatMap((piece) => piece.html ?? piece.plain ?? []);
      // A nested alternative brings the plain form too.
      plain ??= one.text.every((piece) => piece.plain !== undefined)
        ? one.text.flatMap((piece) => piece.plain ?? [])
        : undefined;
    } else if (one.text.length > 0) plain ??= one.text.flatMap((piece) => piece.plain ?? []);
  }
  if (plain !== undefined || html !== undefined) found.text.push({ plain, html });
  return found;
}

function related(part: MailPart): Collected {
  const start = part.contentType && parameter(part.contentType.parameters, "start")?.replace(/^<|>$/g, "");
  const root =
    (start === undefined ? undefined : part.children.find((child) => child.contentId === start)) ??
    part.children[0];
  const found = nothing();
  for (const child of part.children) {
    if (child === root) add(found, collect(child, false));
    else {
      const inline = child.disposition !== "attachment" || child.contentId !== "";
      const one = collect(child, false);
      found.attachments.push(
        ...(one.text.length > 0 ? [{ part: child, inline }] : one.attachments).map((attachment) => ({
          part: attachment.part,
          inline: attachment.inline || inline,
        })),
      );
    }
  }
  return found;
}

function nothing(): Collected {
  return { text: [], attachments: [], calendar: undefined, smime: "none" };
}

function add(to: Collected, from: Collected): void {
  to.text.push(...from.text);
  to.attachments.push(...from.attachments);
  to.calendar ??= from.calendar;
  if (to.smime === "none") to.smime = from.smime;
}
