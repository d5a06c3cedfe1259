/** ENVELOPE: RFC 9051 §7.5.2. Octets as they stand; encoded words stay encoded. */
import { parseAddressList, type Address } from "./address.ts";
import { imapNstring, imapString } from "./imap-string.ts";

/** Unfolded values (Latin-1) of the fields an ENVELOPE is made of; undefined = no such field. */
export interface EnvelopeFields {
  date?: string;
  subject?: string;
  from?: string;
  sender?: string;
  replyTo?: string;
  to?: string;
  cc?: string;
  bcc?: string;
  inReplyTo?: string;
  messageId?: string;
}

/** Addresses of the fields SORT needs too, parsed once. */
export interface EnvelopeAddresses {
  readonly from: readonly Address[];
  readonly to: readonly Address[];
  readonly cc: readonly Address[];
}

const NO_ADDRESSES: readonly Address[] = [];

export function envelopeAddresses(fields: EnvelopeFields): EnvelopeAddresses {
  return { from: addresses(fields.from), to: addresses(fields.to), cc: addresses(fields.cc) };
}

/** In parentheses, as Latin-1. */
export function renderEnvelope(fields: EnvelopeFields, parsed: EnvelopeAddresses): string {
  const from = addressList(parsed.from);
  // "If the Sender or Reply-To lines are absent … or are present but empty, the server sets the corresponding member
  // of the envelope to be the same value as the from member" (RFC 9051 §7.5.2).
  const sender = addressList(addresses(fields.sender));
  const replyTo = addressList(addresses(fields.replyTo));
  return `(${imapNstring(fields.date)} ${imapNstring(fields.subject)} ${from} ${
    sender === "NIL" ? from : sender
  } ${replyTo === "NIL" ? from : replyTo} ${addressList(parsed.to)} ${addressList(parsed.cc)} ${addressList(
    addresses(fields.bcc),
  )} ${imapNstring(fields.inReplyTo)} ${imapNstring(fields.messageId)})`;
}

function addresses(value: string | undefined): readonly Address[] {
  return value === undefined || value === "" ? NO_ADDRESSES : parseAddressList(value);
}

function addressList(list: readonly Address[]): string {
  if (list.length === 0) return "NIL";
  let text = "(";
  for (const address of list) text += renderAddress(address);
  return `${text})`;
}

/** NIL as host means group syntax, so a missing one gets a name that can not be mistaken (Dovecot's words). */
function renderAddress(address: Address): string {
  if (address.kind === "groupStart") return `(NIL NIL ${imapString(address.mailbox)} NIL)`;
  if (address.kind === "groupEnd") return "(NIL NIL NIL NIL)";
  const name = address.name === "" ? "NIL" : imapString(address.name);
  const route = address.route === "" ? "NIL" : imapString(address.route);
  const mailbox = imapString(address.mailbox === "" ? "MISSING_MAILBOX" : address.mailbox);
  const host = imapString(address.host === "" ? "MISSING_DOMAIN" : address.host);
  return `(${name} ${route} ${mailbox} ${host})`;
}
