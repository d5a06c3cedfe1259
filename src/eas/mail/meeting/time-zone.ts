/**
 * Time zones of invitations: the rules of a VTIMEZONE (RFC 5545 §3.6.5), the instant of a local time in it, and the
 * TIME_ZONE_INFORMATION that ActiveSync sends (MS-ASDTYPE §2.7.6).
 */
import { type IcalComponent, propertyOf, textOf } from "./ical-lines.ts";

export interface ZoneRule {
  /** Minutes east of UTC. */
  readonly offsetMinutes: number;
  readonly name: string;
  /** Change to this rule: month 1–12, weekday 0–6 (Sunday first), week 1–4, 5 = last; undefined = never changes. */
  readonly change: { month: number; weekday: number; week: number; hour: number; minute: number } | undefined;
  /** Of the rule's beginning, `YYYYMMDD…`: of several the last one before an event counts. */
  readonly from: string;
}

export interface Zone {
  readonly standard: ZoneRule;
  readonly daylight: ZoneRule | undefined;
}

export const UTC: Zone = {
  standard: { offsetMinutes: 0, name: "UTC", change: undefined, from: "" },
  daylight: undefined,
};

export interface LocalTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** The zone named `id` of a calendar; IANA's rules where the calendar does not tell; UTC for what nobody knows. */
export function zoneNamed(calendar: IcalComponent, id: string | undefined, at: LocalTime): Zone {
  if (id === undefined) return UTC;
  const zone = calendar.components.find(
    (component) => component.name === "VTIMEZONE" && textOf(component, "TZID") === id,
  );
  const begin = digits(at);
  const standard = latest(zone, "STANDARD", begin) ?? latest(zone, "DAYLIGHT", begin);
  if (standard === undefined) return ianaZone(id, at);
  const daylight = latest(zone, "DAYLIGHT", begin);
  return { standard, daylight: standard.change === undefined ? undefined : daylight };
}

/** Milliseconds since 1970 of a local time. */
export function instantOf(at: LocalTime, zone: Zone): number {
  const local = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute, at.second);
  const rule = isDaylight(at.year, local, zone) ? zone.daylight! : zone.standard;
  return local - rule.offsetMinutes * 60_000;
}

/** MS-ASDTYPE §2.7.6: Bias, StandardName, StandardDate, StandardBias, DaylightName, DaylightDate, DaylightBias. */
export function printZone({ standard, daylight }: Zone): string {
  const bytes = Buffer.alloc(172);
  bytes.writeInt32LE(-standard.offsetMinutes, 0);
  bytes.write(standard.name.slice(0, 31), 4, "utf16le");
  if (daylight !== undefined) {
    writeChange(bytes, 68, standard.change);
    bytes.write(daylight.name.slice(0, 31), 88, "utf16le");
    writeChange(bytes, 152, daylight.change);
    bytes.writeInt32LE(standard.offsetMinutes - daylight.offsetMinutes, 168);
  }
  return bytes.toString("base64");
}

/** SYSTEMTIME: year 0 = every year, month, weekday, week, hour, minute. */
function writeChange(bytes: Buffer, at: number, change: ZoneRule["change"]): void {
  if (change === undefined) return;
  bytes.writeUInt16LE(change.month, at + 2);
  bytes.writeUInt16LE(change.weekday, at + 4);
  bytes.writeUInt16LE(change.week, at + 6);
  bytes.writeUInt16LE(change.hour, at + 8);
  bytes.writeUInt16LE(change.minute, at + 10);
}

function isDaylight(year: number, local: number, { standard, daylight }: Zone): boolean {
  if (daylight?.change === undefined || standard.change === undefined) return false;
  const begins = changeTime(year, daylight.change);
  const ends = changeTime(year, standard.change);
  return begins < ends ? local >= begins && local < ends : local >= begins || local < ends;
}

function changeTime(year: number, change: NonNullable<ZoneRule["change"]>): number {
  const { month, weekday, week, hour, minute } = change;
  const first = new Date(Date.UTC(year, month - 1, 1)).getUTCDay();
  let day = 1 + ((weekday - first + 7) % 7) + (week - 1) * 7;
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  while (day > days) day -= 7;
  return Date.UTC(year, month - 1, day, hour, minute);
}

const WEEKDAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

function latest(zone: IcalComponent | undefined, kind: string, before: string): ZoneRule | undefined {
  let found: ZoneRule | undefined;
  let first: ZoneRule | undefined;
  for (const component of zone?.components ?? []) {
    const rule = component.name === kind ? readRule(component) : undefined;
    if (rule === undefined) continue;
    if (first === undefined || rule.from < first.from) first = rule;
    if (rule.from <= before && (found === undefined || rule.from >= found.from)) found = rule;
  }
  return found ?? first;
}

function readRule(component: IcalComponent): ZoneRule | undefined {
  const offset = /^([+-])(\d{2})(\d{2})/.exec(textOf(component, "TZOFFSETTO"));
  if (offset === null) return undefined;
  const minutes = Number(offset[2]) * 60 + Number(offset[3]);
  const from = (propertyOf(component, "DTSTART")?.value ?? "").trim();
  const rule = propertyOf(component, "RRULE")?.value ?? "";
  const byDay = /BYDAY=(-?\d)?(SU|MO|TU|WE|TH|FR|SA)/.exec(rule);
  const byMonth = /BYMONTH=(\d{1,2})/.exec(rule);
  const week = byDay?.[1] === undefined ? 1 : Number(byDay[1]);
  return {
    offsetMinutes: offset[1] === "-" ? -minutes : minutes,
    name: textOf(component, "TZNAME"),
    from,
    change:
      byDay === null
        ? undefined
        : {
            month: byMonth === null ? Number(from.slice(4, 6)) || 1 : Number(byMonth[1]),
            weekday: WEEKDAYS.indexOf(byDay[2]!),
            week: week < 0 || week > 4 ? 5 : week,
            hour: Number(from.slice(9, 11)) || 0,
            minute: Number(from.slice(11, 13)) || 0,
          },
  };
}

/** Without rules for changes: the offset that holds at the time of the event. */
function ianaZone(id: string, at: LocalTime): Zone {
  const guess = Date.UTC(at.year, at.month - 1, at.day, at.hour, at.minute);
  try {
    const parts = new Intl.DateTimeFormat("en-US", { timeZone: id, timeZoneName: "longOffset" })
      .formatToParts(guess)
      .find(({ type }) => type === "timeZoneName");
    const match = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(parts?.value ?? "");
    const minutes = match?.[1] === undefined ? 0 : Number(match[2]) * 60 + Number(match[3]);
    const offsetMinutes = match?.[1] === "-" ? -minutes : minutes;
    return { standard: { offsetMinutes, name: id, change: undefined, from: "" }, daylight: undefined };
  } catch {
    return UTC;
  }
}

function digits({ year, month, day, hour, minute, second }: LocalTime): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(year).padStart(4, "0")}${two(month)}${two(day)}T${two(hour)}${two(minute)}${two(second)}`;
}
