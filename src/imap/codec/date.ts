/** Dates of RFC 9051 §9: `date` = 1-Feb-2026, `date-time` = " 1-Feb-2026 21:52:25 -0800". */
import { bad } from "../refusal.ts";
import type { Reader } from "./reader.ts";

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY_SECONDS = 86_400;

/** date = date-text / DQUOTE date-text DQUOTE; seconds since 1970 of its midnight in UTC. */
export function readDate(reader: Reader): number {
  const text = reader.peekIs('"') ? reader.string() : reader.atom();
  const match = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/.exec(text);
  const seconds = match === null ? undefined : daySeconds(match[1], match[2], match[3]);
  if (seconds === undefined) throw bad(`Bad date "${text}"`);
  return seconds;
}

/** Seconds since 1970. */
export function readDateTime(reader: Reader): number {
  const text = reader.string();
  const match = /^([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/.exec(text);
  const day = match === null ? undefined : daySeconds(match[1], match[2], match[3]);
  if (match === null || day === undefined) throw bad(`Bad date-time "${text}"`);
  const [hour, minute, second, zoneHour, zoneMinute] = [4, 5, 6, 8, 9].map((group) => Number(match[group]));
  if (hour! > 23 || minute! > 59 || second! > 60 || zoneMinute! > 59) throw bad(`Bad date-time "${text}"`);
  const zone = (zoneHour! * 60 + zoneMinute!) * 60;
  return day + hour! * 3600 + minute! * 60 + second! - (match[7] === "-" ? -zone : zone);
}

/** `17-Jul-1996 02:44:25 +0000`, with a leading space before one-digit days; without quotes. */
export function printDateTime(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
  const day = date.getUTCDate();
  return (
    `${day < 10 ? " " : ""}${day}-${MONTHS[date.getUTCMonth()]}-${String(date.getUTCFullYear()).padStart(4, "0")} ` +
    `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`
  );
}

function daySeconds(
  day: string | undefined,
  monthName: string | undefined,
  year: string | undefined,
): number | undefined {
  const month = MONTHS.findIndex((name) => name.toLowerCase() === monthName?.toLowerCase());
  const date = new Date(0);
  date.setUTCFullYear(Number(year), month, Number(day));
  if (month < 0 || date.getUTCDate() !== Number(day)) return undefined;
  return Math.floor(date.getTime() / 1000 / DAY_SECONDS) * DAY_SECONDS;
}
