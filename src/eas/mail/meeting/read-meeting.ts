/**
 * The meeting that a mail speaks of, from its text/calendar part (RFC 6047 §2.4). A part that cannot be read gives
 * undefined and an ordinary mail: a bad invitation never stops a folder (OP-223).
 */
import { createHash } from "node:crypto";
import type { MailHeader } from "../mail-header.ts";
import { printMailAddress } from "../mail-header.ts";
import { partText } from "../mail-text.ts";
import type { MessageBytes } from "../message-source.ts";
import type { MailPart } from "../part.ts";
import { type IcalComponent, type IcalProperty, parseIcal, propertyOf, textOf } from "./ical-lines.ts";
import { type Recurrence, toRecurrence } from "./recurrence.ts";
import { instantOf, type LocalTime, UTC, type Zone, zoneNamed } from "./time-zone.ts";

export interface Meeting {
  /** REQUEST, CANCEL, REPLY, PUBLISH … */
  readonly method: string;
  /** Of a REPLY: the PARTSTAT of its attendee; "" otherwise. */
  readonly answer: string;
  readonly uid: string;
  readonly subject: string;
  readonly location: string;
  readonly organizer: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly stampMs: number;
  readonly allDay: boolean;
  readonly zone: Zone;
  readonly recurrence: Recurrence | undefined;
  /** Day and instant of the occurrence that is meant. */
  readonly instance: { readonly day: LocalTime; readonly atMs: number } | undefined;
  /** Undefined = none. */
  readonly reminderSeconds: number | undefined;
  readonly responseRequested: boolean;
  /** 0 normal, 1 personal, 2 private, 3 confidential. */
  readonly sensitivity: number;
  /** 0 free, 1 tentative, 2 busy, 3 away. */
  readonly busyStatus: number;
  readonly sequence: number;
  readonly disallowCounter: boolean;
}

const MAX_CALENDAR_CHARACTERS = 2 * 1024 * 1024;
const DAY_MS = 86_400_000;

export async function readMeeting(
  source: MessageBytes,
  part: MailPart,
  header: MailHeader,
): Promise<Meeting | undefined> {
  const text = await partText(source, part);
  return text.length > MAX_CALENDAR_CHARACTERS ? undefined : parseMeeting(text, header);
}

export function parseMeeting(text: string, header: MailHeader): Meeting | undefined {
  const calendar = parseIcal(text);
  const event = calendar?.components.find(({ name }) => name === "VEVENT");
  if (calendar === undefined || event === undefined) return undefined;
  const start = readTime(calendar, propertyOf(event, "DTSTART"));
  if (start === undefined) return undefined;
  const end = readTime(calendar, propertyOf(event, "DTEND"));
  const method = textOf(calendar, "METHOD").trim().toUpperCase();
  const instance = readTime(calendar, propertyOf(event, "RECURRENCE-ID"));
  const stamp = readTime(calendar, propertyOf(event, "DTSTAMP"));
  const uid = textOf(event, "UID").trim();
  return {
    method,
    answer:
      method === "REPLY"
        ? (propertyOf(event, "ATTENDEE")?.parameters.get("PARTSTAT")?.toUpperCase() ?? "")
        : "",
    uid: uid === "" ? createHash("sha1").update(text).digest("hex") : uid,
    subject: textOf(event, "SUMMARY"),
    location: textOf(event, "LOCATION"),
    organizer: organizerOf(event, header),
    startMs: start.atMs,
    endMs: end?.atMs ?? start.atMs + (durationMs(textOf(event, "DURATION")) ?? (start.allDay ? DAY_MS : 0)),
    stampMs: stamp?.atMs ?? start.atMs,
    allDay: start.allDay || textOf(event, "X-MICROSOFT-CDO-ALLDAYEVENT").toUpperCase() === "TRUE",
    zone: start.zone,
    recurrence: recurrenceOf(event, start.local),
    instance: instance === undefined ? undefined : { day: instance.local, atMs: instance.atMs },
    reminderSeconds: reminderOf(event),
    responseRequested:
      method === "REQUEST" &&
      event.properties.some(
        ({ name, parameters }) => name === "ATTENDEE" && parameters.get("RSVP")?.toUpperCase() === "TRUE",
      ),
    sensitivity: ["PUBLIC", "PERSONAL", "PRIVATE", "CONFIDENTIAL"].indexOf(
      textOf(event, "CLASS").trim().toUpperCase() || "PUBLIC",
    ),
    busyStatus: busyStatusOf(event),
    sequence: Number.parseInt(textOf(event, "SEQUENCE"), 10) || 0,
    disallowCounter: textOf(event, "X-MICROSOFT-DISALLOW-COUNTER").toUpperCase() === "TRUE",
  };
}

interface EventTime {
  readonly local: LocalTime;
  readonly zone: Zone;
  readonly atMs: number;
  readonly allDay: boolean;
}

function readTime(calendar: IcalComponent, property: IcalProperty | undefined): EventTime | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})(?:T(\d{2})(\d{2})(\d{2})?(Z)?)?$/.exec(property?.value.trim() ?? "");
  if (property === undefined || match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((text) => Number(text ?? 0));
  const local: LocalTime = {
    year: year!,
    month: month!,
    day: day!,
    hour: hour!,
    minute: minute!,
    second: second!,
  };
  const zone = match[7] === "Z" ? UTC : zoneNamed(calendar, property.parameters.get("TZID"), local);
  const atMs = instantOf(local, zone);
  return Number.isNaN(atMs) ? undefined : { local, zone, atMs, allDay: match[4] === undefined };
}

function recurrenceOf(event: IcalComponent, start: LocalTime): Recurrence | undefined {
  const rule = propertyOf(event, "RRULE");
  if (rule === undefined) return undefined;
  const weekday = new Date(Date.UTC(start.year, start.month - 1, start.day)).getUTCDay();
  return toRecurrence(rule.value, { month: start.month, day: start.day, weekday });
}

function organizerOf(event: IcalComponent, header: MailHeader): string {
  const property = propertyOf(event, "ORGANIZER");
  const address = property?.value.replace(/^mailto:/i, "").trim() ?? "";
  if (address === "") return header.from[0] === undefined ? "" : printMailAddress(header.from[0]);
  return printMailAddress({ name: property?.parameters.get("CN") ?? "", address });
}

/** Seconds before the start; RFC 5545 §3.8.6.3. */
function reminderOf(event: IcalComponent): number | undefined {
  const alarm = event.components.find(({ name }) => name === "VALARM");
  const trigger = alarm === undefined ? "" : textOf(alarm, "TRIGGER").trim();
  if (!trigger.startsWith("-")) return undefined;
  const ms = durationMs(trigger.slice(1));
  return ms === undefined ? undefined : ms / 1000;
}

/** RFC 5545 §3.3.6. */
function durationMs(text: string): number | undefined {
  const match = /^P(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,8})S)?)?$/.exec(
    text.trim(),
  );
  if (match === null) return undefined;
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((number) => Number(number ?? 0));
  return (((weeks! * 7 + days!) * 24 + hours!) * 60 + minutes!) * 60_000 + seconds! * 1000;
}

function busyStatusOf(event: IcalComponent): number {
  const known = ["FREE", "TENTATIVE", "BUSY", "OOF"].indexOf(
    textOf(event, "X-MICROSOFT-CDO-INTENDEDSTATUS").toUpperCase() ||
      textOf(event, "X-MICROSOFT-CDO-BUSYSTATUS").toUpperCase(),
  );
  if (known >= 0) return known;
  return textOf(event, "TRANSP").toUpperCase() === "TRANSPARENT" ? 0 : 2;
}
