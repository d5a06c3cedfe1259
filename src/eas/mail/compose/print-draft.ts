/** A draft as a message (RFC 5322), from the user's own address. */
import type { Clock } from "../../../base/io/clock.ts";
import type { Random } from "../../../base/io/random.ts";
import { headerLine } from "../../../mime/build.ts";
import { printDateHeader } from "../../../mime/date.ts";
import type { Account } from "../../account/port.ts";
import type { Draft } from "./draft-content.ts";
import { renderContent } from "./entity.ts";
import { addressField } from "./header.ts";

export interface ComposePorts {
  readonly clock: Clock;
  readonly random: Random;
}

/** @param unique what the Message-ID is made of; undefined = chance */
export function printDraft(
  draft: Draft,
  account: Account,
  { clock, random }: ComposePorts,
  unique: string | undefined,
): Buffer {
  const [from = ""] = account.addresses;
  const id = `<${unique ?? random.bytes(16).toString("hex")}@${domainOf(from)}>`;
  const lines = [
    addressField("From", [{ name: account.displayName, address: from }]),
    addressField("To", draft.to),
    addressField("Cc", draft.cc),
    addressField("Bcc", draft.bcc),
    addressField("Reply-To", draft.replyTo),
    headerLine("Subject", draft.subject),
    headerLine("Date", printDateHeader(clock.nowMs())),
    headerLine("Message-ID", id),
    ...(draft.inReplyTo === "" ? [] : [headerLine("In-Reply-To", draft.inReplyTo)]),
    ...(draft.references === "" ? [] : [headerLine("References", draft.references)]),
    ...(draft.importance === 1 ? [] : [headerLine("Importance", draft.importance === 2 ? "high" : "low")]),
    "MIME-Version: 1.0\r\n",
  ];
  const { plain, html, files } = draft;
  const content = renderContent(
    {
      plain,
      html,
      inline: files.filter(({ inline }) => inline).map(({ entity }) => entity),
      attachments: files.filter(({ inline }) => !inline).map(({ entity }) => entity),
    },
    () => newBoundary(random),
  );
  return Buffer.concat([Buffer.from(lines.join("")), content]);
}

export function newBoundary(random: Random): string {
  return `=_${random.bytes(16).toString("hex")}`;
}

export function domainOf(address: string): string {
  const at = address.lastIndexOf("@");
  return at < 0 ? "localhost" : address.slice(at + 1);
}
