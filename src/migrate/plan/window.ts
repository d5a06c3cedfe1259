/**
 * Times of day in which a wave may run: `22:00-06:00`, `mon,tue,fri 20:00-24:00`, in a time zone. A window over midnight
 * belongs to the day on which it begins.
 */
import { MigrateError } from "../errors.ts";

export interface Window {
  /** 0 = Sunday. */
  readonly days: readonly number[];
  /** Minutes after midnight; `to` may be before `from`. */
  readonly from: number;
  readonly to: number;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY_MINUTES = 1440;

/** @throws MigrateError invalid */
export function parseWindow(text: string): Window {
  const match = /^(?:([a-z,-]+)\s+)?(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})$/i.exec(text.trim());
  if (match === null) throw bad(text);
  const [, days, fromHour, fromMinute, toHour, toMinute] = match;
  const from = minutes(fromHour, fromMinute, text);
  const to = minutes(toHour, toMinute, text);
  if (from === to || from === DAY_MINUTES) throw bad(text);
  return { days: days === undefined ? [0, 1, 2, 3, 4, 5, 6] : readDays(days.toLowerCase(), text), from, to };
}

export function printWindow({ days, from, to }: Window): string {
  const clock = (at: number): string =>
    `${String(Math.floor(at / 60)).padStart(2, "0")}:${String(at % 60).padStart(2, "0")}`;
  const named = days.length === 7 ? "" : `${days.map((day) => DAYS[day]).join(",")} `;
  return `${named}${clock(from)}-${clock(to)}`;
}

/** No windows = always. */
export function isOpen(windows: readonly Window[], timeZone: string, nowMs: number): boolean {
  if (windows.length === 0) return true;
  const { day, minute } = localTime(timeZone, nowMs);
  const yesterday = (day + 6) % 7;
  return windows.some(({ days, from, to }) => {
    if (from < to) return days.includes(day) && minute >= from && minute < to;
    return (days.includes(day) && minute >= from) || (days.includes(yesterday) && minute < to);
  });
}

/** @throws MigrateError invalid for a zone that nobody knows */
export function checkTimeZone(timeZone: string): void {
  try {
    localTime(timeZone, 0);
  } catch (error) {
    throw new MigrateError("invalid", `"${timeZone}" is no time zone; Europe/Berlin would be one`, {
      cause: error,
    });
  }
}

const formats = new Map<string, Intl.DateTimeFormat>();

function localTime(timeZone: string, nowMs: number): { readonly day: number; readonly minute: number } {
  let format = formats.get(timeZone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      weekday: "short",
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    formats.set(timeZone, format);
  }
  const parts = new Map(format.formatToParts(nowMs).map(({ type, value }) => [type, value]));
  return {
    day: DAYS.indexOf((parts.get("weekday") ?? "").toLowerCase()),
    minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")),
  };
}

function minutes(hour: string | undefined, minute: string | undefined, text: string): number {
  const at = Number(hour) * 60 + Number(minute);
  if (Number(minute) > 59 || at > DAY_MINUTES) throw bad(text);
  return at;
}

/** `mon,wed` and `mon-fri`. */
function readDays(names: string, text: string): number[] {
  const days = new Set<number>();
  for (const part of names.split(",")) {
    const [first, last = first] = part.split("-").map((name) => DAYS.indexOf(name));
    if (first === undefined || last === undefined || first < 0 || last < 0) throw bad(text);
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === last) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

function bad(text: string): MigrateError {
  return new MigrateError(
    "invalid",
    `"${text}" is no window: 22:00-06:00 or mon-fri 20:00-24:00 is expected`,
  );
}
