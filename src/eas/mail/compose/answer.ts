/**
 * SmartReply and SmartForward: MS-ASCMD §2.2.1.19, §2.2.1.20. The device sends only what its user wrote; the original is
 * quoted below it here, in each form that the device sent (text, HTML or both), and a forward brings its attachments.
 */
import type { MailItem } from "../../account/port.ts";
import type { HtmlConverter } from "../html-converter.ts";
import { type Layout, layOut } from "../layout.ts";
import { displayNames, type MailHeader, printAddresses, readMailHeader } from "../mail-header.ts";
import { htmlText, plainText } from "../mail-text.ts";
import { type MessageBytes, messageInMemory, MessageSource } from "../message-source.ts";
import { type MailPart, readParts } from "../part.ts";
import { escapeHtml, textToHtmlFragment } from "../plain-text.ts";
import { type DraftFile, entities } from "./draft-content.ts";
import { renderContent } from "./entity.ts";
import { completeMessage, type OutgoingHeader, replaceContent } from "./outgoing.ts";

export interface AnswerOptions {
  readonly kind: "reply" | "forward";
  readonly converter: HtmlConverter;
  readonly boundary: () => string;
  readonly header: Omit<OutgoingHeader, "fields">;
}

/** The message to be sent. `message` is what the device sent. */
export async function answerMessage(
  message: Buffer,
  original: MailItem,
  options: AnswerOptions,
): Promise<Buffer> {
  const { kind, converter, boundary } = options;
  const source = new MessageSource(original);
  const originalHeader = readMailHeader(await source.read(0, source.root.bodyStart));
  const header: OutgoingHeader = { ...options.header, fields: threadFields(originalHeader) };
  const written = messageInMemory(message);
  const writtenRoot = await readParts(written);
  const writtenLayout = layOut(writtenRoot);
  // A signature or encryption covers what was written, and nothing can be put into it.
  if (writtenLayout.smime !== "none" || isProtected(writtenRoot)) return completeMessage(message, header);
  const layout = layOut(await readParts(source));
  const native = (form: "plain" | "html"): boolean =>
    writtenLayout.text.some((piece) => piece[form] !== undefined);
  const wantsHtml = native("html");
  const wantsPlain = native("plain") || !wantsHtml;
  const plain = wantsPlain
    ? `${await plainText(written, writtenLayout, converter)}\r\n\r\n${quotedText(originalHeader, original, await plainText(source, layout, converter))}`
    : undefined;
  const html = wantsHtml
    ? `${await rawHtml(written, writtenLayout, converter)}${quotedHtml(originalHeader, original, await htmlText(source, layout, converter))}`
    : undefined;
  const own = await entities(written, writtenLayout.attachments);
  const theirs = await carried(source, layout, kind, html !== undefined);
  const files = [...own, ...theirs];
  const entity = renderContent(
    {
      plain,
      html,
      inline: files.filter(({ inline }) => inline && html !== undefined).map((file) => file.entity),
      attachments: files.filter(({ inline }) => !inline || html === undefined).map((file) => file.entity),
    },
    boundary,
  );
  return replaceContent(message, entity, header);
}

/** What of the original goes along: all of it with a forward, pictures in the quoted text with a reply. */
async function carried(
  source: MessageBytes,
  layout: Layout,
  kind: "reply" | "forward",
  hasHtml: boolean,
): Promise<readonly DraftFile[]> {
  const wanted =
    kind === "forward"
      ? [
          ...layout.attachments,
          ...(layout.calendar === undefined ? [] : [{ part: layout.calendar, inline: false }]),
        ]
      : layout.attachments.filter(({ inline }) => inline && hasHtml);
  const unique = wanted.filter(
    ({ part }, index) => wanted.findIndex((other) => other.part === part) === index,
  );
  // A message that is nothing but one file has no part of its own for it: its header fields go along, less the mail's.
  return (await entities(source, unique)).map((file) =>
    file.path === "" ? { ...file, entity: contentOnly(file.entity) } : file,
  );
}

function contentOnly(entity: Buffer): Buffer {
  const text = entity.toString("latin1");
  const end = /\r?\n\r?\n/.exec(text);
  const head = end === null ? text : text.slice(0, end.index + 1);
  const fields = head.match(/^content-[^\n]*\n(?:[ \t][^\n]*\n)*/gim) ?? [];
  const body = end === null ? "" : text.slice(end.index + end[0].length);
  return Buffer.from(`${fields.join("")}\r\n${body}`, "latin1");
}

/** RFC 5322 §3.6.4. */
function threadFields({ messageId, references, inReplyTo }: MailHeader): (readonly [string, string])[] {
  if (messageId === "") return [];
  const earlier = references === "" ? inReplyTo : references;
  return [
    ["In-Reply-To", messageId],
    ["References", `${earlier.slice(-MAX_REFERENCES_CHARACTERS).replace(/^[^<]*/, "")} ${messageId}`.trim()],
  ];
}
const MAX_REFERENCES_CHARACTERS = 4_000;

/** As the device's user wrote it: only text that was no HTML is made such. */
async function rawHtml(written: MessageBytes, layout: Layout, converter: HtmlConverter): Promise<string> {
  const html = await htmlText(written, layout, converter);
  // What follows has to stand inside of the document.
  return html.replace(/<\/body>\s*(?:<\/html>\s*)?$/i, "");
}

function quotedText(header: MailHeader, original: MailItem, text: string): string {
  const rows = headerRows(header, original).map(([name, value]) => `${name}: ${value}`);
  return ["-----Original Message-----", ...rows, "", text].join("\r\n");
}

function quotedHtml(header: MailHeader, original: MailItem, html: string): string {
  const rows = headerRows(header, original).map(
    ([name, value]) => `<b>${name}:</b> ${escapeHtml(value)}<br>`,
  );
  const inner = /<body[^>]*>([\s\S]*?)(?:<\/body>|$)/i.exec(html)?.[1] ?? html;
  return `<br><hr><div>${rows.join("\r\n")}</div><br>\r\n<div>${inner || textToHtmlFragment("")}</div></body></html>`;
}

function headerRows(header: MailHeader, { internalDate, summary }: MailItem): [string, string][] {
  const sent = new Date(summary.sentDateMs ?? internalDate * 1000);
  const rows: [string, string][] = [
    ["From", printAddresses(header.from)],
    ["Sent", Number.isNaN(sent.getTime()) ? "" : sent.toUTCString().replace("GMT", "+0000")],
    ["To", displayNames(header.to)],
    ["Cc", displayNames(header.cc)],
    ["Subject", header.subject],
  ];
  return rows.filter(([, value]) => value !== "");
}

/** S/MIME and OpenPGP (RFC 3156): multipart/signed, multipart/encrypted. */
function isProtected({ node }: MailPart): boolean {
  return node.type === "multipart" && (node.subtype === "signed" || node.subtype === "encrypted");
}
