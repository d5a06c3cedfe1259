/** The answer to an invitation as mail to its organizer: RFC 5546 §3.2.3 (REPLY), RFC 6047 §2. */
import { buildMail } from "../../../mime/build.ts";
import { printDateHeader } from "../../../mime/date.ts";
import type { Account } from "../../account/port.ts";
import { addressField } from "../compose/header.ts";
import type { MailHeader } from "../mail-header.ts";
import { type IcalComponent, type IcalProperty, parseIcal, propertyOf, textOf } from "./ical-lines.ts";

/** 1 accepted, 2 tentative, 3 declined: MS-ASCMD §2.2.3.202. */
export type MeetingAnswer = 1 | 2 | 3;

export interface ReplyParts {
  readonly answer: MeetingAnswer;
  readonly account: Pick<Account, "addresses" | "displayName">;
  /** Of the mail with the invitation. */
  readonly header: MailHeader;
  /** What the user wrote to it; "" = nothing. */
  readonly comment: string;
  readonly nowMs: number;
  /** Unique. */
  readonly id: string;
}

const ANSWERS = {
  1: ["ACCEPTED", "Accepted"],
  2: ["TENTATIVE", "Tentative"],
  3: ["DECLINED", "Declined"],
} as const;
/** What the organizer finds the meeting by (RFC 5546 §3.2.3). */
const COPIED = [
  "UID",
  "SEQUENCE",
  "RECURRENCE-ID",
  "DTSTART",
  "DTEND",
  "DURATION",
  "SUMMARY",
  "LOCATION",
  "ORGANIZER",
];
const FOLD_OCTETS = 74;

export interface MeetingReply {
  readonly bytes: Buffer;
  readonly recipient: string;
}

/** Undefined when there is no organizer to be told, or the user is it. */
export function printReply(invitation: string, parts: ReplyParts): MeetingReply | undefined {
  const calendar = parseIcal(invitation);
  const event = calendar?.components.find(({ name }) => name === "VEVENT");
  const organizer = event && propertyOf(event, "ORGANIZER");
  const recipient = organizer === undefined ? "" : mailto(organizer);
  const { account, header, comment, nowMs, id } = parts;
  if (calendar === undefined || event === undefined || recipient === "" || isOwn(account, recipient))
    return undefined;
  const [partStat, word] = ANSWERS[parts.answer];
  const invited = event.properties.find(
    (property) => property.name === "ATTENDEE" && isOwn(account, mailto(property)),
  );
  const from = invited === undefined ? (account.addresses[0] ?? "") : mailto(invited);
  const subject = `${word}: ${textOf(event, "SUMMARY") || header.subject}`;
  const bytes = buildMail({
    headers: [
      // Written by the same hand as in other mail.
      fieldOf(addressField("From", [{ name: account.displayName, address: from }])),
      ["To", `<${recipient}>`],
      ["Subject", subject],
      ["Date", printDateHeader(nowMs)],
      ["Message-ID", `<${id}@${from.slice(from.lastIndexOf("@") + 1)}>`],
      ...(header.messageId === "" ? [] : ([["In-Reply-To", header.messageId]] as const)),
    ],
    multipart: "alternative",
    parts: [
      { type: "text/plain", content: comment === "" ? `${subject}\r\n` : comment },
      {
        type: "text/calendar; method=REPLY; charset=utf-8",
        content: printCalendar(
          calendar,
          event,
          attendee(from, account.displayName, partStat),
          comment,
          nowMs,
        ),
      },
    ],
    boundary: `=_${id}`,
  });
  return { bytes, recipient };
}

function printCalendar(
  calendar: IcalComponent,
  event: IcalComponent,
  attendeeLine: string,
  comment: string,
  nowMs: number,
): string {
  const lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Rookery//ActiveSync//EN", "METHOD:REPLY"];
  for (const component of calendar.components) if (component.name === "VTIMEZONE") print(component, lines);
  lines.push("BEGIN:VEVENT", `DTSTAMP:${new Date(nowMs).toISOString().replace(/[-:]|\.\d+/g, "")}`);
  for (const name of COPIED) {
    const property = propertyOf(event, name);
    if (property !== undefined) lines.push(line(property));
  }
  lines.push(attendeeLine);
  if (comment !== "") lines.push(`COMMENT:${escapeText(comment)}`);
  lines.push("END:VEVENT", "END:VCALENDAR", "");
  return lines.map(foldLine).join("\r\n");
}

function print({ name, properties, components }: IcalComponent, lines: string[]): void {
  lines.push(`BEGIN:${name}`, ...properties.map(line));
  for (const component of components) print(component, lines);
  lines.push(`END:${name}`);
}

function line({ name, parameters, value }: IcalProperty): string {
  const printed = Array.from(parameters, ([parameter, text]) => `;${parameter}=${quoteParameter(text)}`);
  return `${name}${printed.join("")}:${value}`;
}

function attendee(address: string, name: string, partStat: string): string {
  const shown = name === "" ? "" : `;CN=${quoteParameter(name)}`;
  return `ATTENDEE;PARTSTAT=${partStat}${shown}:mailto:${address}`;
}

/** RFC 5545 §3.2: no quotes inside of quotes. */
function quoteParameter(text: string): string {
  return /[:;,]/.test(text) ? `"${text.replaceAll('"', "'")}"` : text;
}

function escapeText(text: string): string {
  return text.replace(/[\\;,]/g, "\\$&").replace(/\r?\n/g, "\\n");
}

/** RFC 5545 §3.1: at most 75 octets a line, never inside of a character. */
function foldLine(text: string): string {
  if (Buffer.byteLength(text) <= FOLD_OCTETS) return text;
  let folded = "";
  let octets = 0;
  for (const character of text) {
    const size = Buffer.byteLength(character);
    if (octets + size > FOLD_OCTETS) {
      folded += "\r\n ";
      octets = 1;
    }
    folded += character;
    octets += size;
  }
  return folded;
}

function mailto({ value }: IcalProperty): string {
  const address = value.trim().replace(/^mailto:/i, "");
  return /^[^\s<>"]+@[^\s<>"]+$/.test(address) ? address : "";
}

function isOwn({ addresses }: Pick<Account, "addresses">, address: string): boolean {
  return addresses.some((own) => own.toLowerCase() === address.toLowerCase());
}

function fieldOf(headerLine: string): readonly [string, string] {
  const colon = headerLine.indexOf(":");
  return [
    headerLine.slice(0, colon),
    headerLine
      .slice(colon + 1)
      .replace(/\r\n/g, "")
      .trim(),
  ];
}
