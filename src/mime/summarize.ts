/**
 * What FETCH, SEARCH, SORT and THREAD need of a message without its body, parsed once at delivery.
 * Promises: any octets give a summary; time is linear in them and depth, parts, addresses and references are bounded.
 */
import type { Address } from "./address.ts";
import { renderBodyStructure } from "./body-structure.ts";
import { parseDateHeader } from "./date.ts";
import { decodeHeader } from "./encoded-word.ts";
import { envelopeAddresses, renderEnvelope } from "./envelope.ts";
import { messageIds } from "./message-id.ts";
import { parseStructure } from "./structure.ts";
import { baseSubject } from "./subject.ts";
import type { MessageSummary } from "./summary.ts";
import { previewOf } from "./text.ts";

export function summarize(bytes: Buffer): MessageSummary {
  const root = parseStructure(bytes);
  const { envelope: fields } = root;
  const addresses = envelopeAddresses(fields);
  const subject = baseSubject(fields.subject ?? "");
  const references = messageIds(root.references);
  return {
    sizeBytes: bytes.length,
    envelope: Buffer.from(renderEnvelope(fields, addresses), "latin1"),
    bodyStructure: Buffer.from(renderBodyStructure(root, true), "latin1"),
    get body() {
      return Buffer.from(renderBodyStructure(root, false), "latin1");
    },
    root,
    sentDateMs: fields.date === undefined ? undefined : parseDateHeader(fields.date),
    baseSubject: subject.text,
    isReplyOrForward: subject.isReplyOrForward,
    messageId: messageIds(fields.messageId)[0] ?? "",
    // RFC 5256: without References the first id of In-Reply-To is the only parent.
    references: references.length > 0 ? references : messageIds(fields.inReplyTo).slice(0, 1),
    sortFrom: sortMailbox(addresses.from),
    sortTo: sortMailbox(addresses.to),
    sortCc: sortMailbox(addresses.cc),
    displayFrom: displayName(addresses.from),
    displayTo: displayName(addresses.to),
    preview: previewOf(bytes, root),
  };
}

/** RFC 5256 §3: the addr-mailbox of the first address (a group's name when a group comes first). */
function sortMailbox(list: readonly Address[]): string {
  const first = list[0];
  return first === undefined ? "" : decodeHeader(first.mailbox).toUpperCase();
}

/** RFC 5957 §3: display name of the first address, else its mailbox@host; the group's name when a group comes first. */
function displayName(list: readonly Address[]): string {
  const first = list[0];
  if (first === undefined) return "";
  if (first.name !== "") return decodeHeader(first.name).toUpperCase();
  return decodeHeader(first.host === "" ? first.mailbox : `${first.mailbox}@${first.host}`).toUpperCase();
}
