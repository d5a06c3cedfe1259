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

const TWO_DIGITS = Array.from({ length: 60 }, (_, value) => String(value).padStart(2, "0"));
/** The day printed last: neighbours in a mailbox mostly share it. */
let printedDay = Number.NaN;
let printedDayText = "";

/** `17-Jul-1996 02:44:25 +0000`, with a leading space before one-digit days; without quotes. */
export function printDateTime(seconds: number): string {
  const day = Math.floor(seconds / DAY_SECONDS);
  if (day !== printedDay) {
    const date = new Date(day * DAY_SECONDS * 1000);
    const dayOfMonth = String(date.getUTCDate()).padStart(2, " ");
    printedDayText = `${dayOfMonth}-${MONTHS[date.getUTCMonth()]}-${String(date.getUTCFullYear()).padStart(4, "0")}`;
    printedDay = day;
  }
  const second = Math.floor(seconds) - day * DAY_SECONDS;
  const minute = Math.floor(second / 60);
  const hour = Math.floor(minute / 60);
  return `${printedDayText} ${TWO_DIGITS[hour]}:${TWO_DIGITS[minute - hour * 60]}:${TWO_DIGITS[second - minute * 60]} +0000`;
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
