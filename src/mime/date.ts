/** Dates of mail: the Date header (RFC 5322 §3.3, obsolete forms §4.3, and what mailers really write) and IMAP's date-time (RFC 9051 §9). */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] as const;
const MONTH_NUMBERS = new Map(MONTHS.map((name, index) => [name.toLowerCase(), index]));

/** Minutes east of UTC. The one-letter military zones mean "unknown" = -0000 (RFC 5322 §4.3). */
const ZONES = new Map<string, number>([
  ["ut", 0],
  ["utc", 0],
  ["gmt", 0],
  ["z", 0],
  ["est", -300],
  ["edt", -240],
  ["cst", -360],
  ["cdt", -300],
  ["mst", -420],
  ["mdt", -360],
  ["pst", -480],
  ["pdt", -420],
  ["bst", 60],
  ["cet", 60],
  ["cest", 120],
  ["met", 60],
  ["mest", 120],
  ["msk", 180],
  ["jst", 540],
  ["ist", 330],
]);

/** `[day-name ","] day month year [hour ":" minute [":" second]] [zone]`, white space optional around each. */
const RFC5322 =
  /^\s*(?:[A-Za-z]{2,12}\.?\s*,?\s*)?(\d{1,2})[\s-]*([A-Za-z]{3})[A-Za-z]*\.?[\s,-]*(\d{2,4})(?:[\s,T]+(\d{1,2})\s*[:.]\s*(\d{1,2})(?:\s*[:.]\s*(\d{1,2})(?:[.,]\d+)?)?)?\s*(am\b|pm\b)?\s*(?:([+-])(\d{1,2}):?(\d{2})|(?:GMT|UTC?)?([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5})\b)?/i;
/** ctime: `Thu Feb 13 23:32:54 -0330 1969`, `Thu Feb 13 23:32:54 1969`. */
const CTIME =
  /^\s*(?:[A-Za-z]{3,9}\.?\s*,?\s+)?([A-Za-z]{3})[A-Za-z]*\s+(\d{1,2})[\s,]+(?:(\d{4})[\s,]+)?(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s+([+-]\d{4}|[A-Za-z]{1,5}))?(?:\s+(\d{4}))?/;
const ISO =
  /^\s*(\d{4})-(\d{2})-(\d{2})(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?)?\s*(Z|[+-]\d{2}:?\d{2})?/;

/** A longer "date" is none. */
const MAX_DATE_CHARACTERS = 200;

/** Milliseconds since 1970 of a Date header (value unfolded); undefined when it cannot be read. */
export function parseDateHeader(value: string): number | undefined {
  let text = value.length > MAX_DATE_CHARACTERS ? value.slice(0, MAX_DATE_CHARACTERS) : value;
  if (text.indexOf("(") >= 0) text = text.replace(/\([^()]*\)/g, " ");
  const match = RFC5322.exec(text);
  if (match !== null) {
    const month = MONTH_NUMBERS.get(match[2]!.toLowerCase());
    if (month === undefined) return undefined;
    let hour = Number(match[4] ?? 0);
    const half = match[7]?.toLowerCase();
    if (half === "pm" && hour < 12) hour += 12;
    if (half === "am" && hour === 12) hour = 0;
    const sign = match[8] ?? match[11];
    const offset =
      sign === undefined
        ? (ZONES.get(match[14]?.toLowerCase() ?? "") ?? 0)
        : (sign === "-" ? -1 : 1) * (Number(match[9] ?? match[12]) * 60 + Number(match[10] ?? match[13]));
    return instant(
      fullYear(match[3]!),
      month,
      Number(match[1]),
      hour,
      Number(match[5] ?? 0),
      Number(match[6] ?? 0),
      offset,
    );
  }
  const ctime = CTIME.exec(text);
  if (ctime !== null) {
    const month = MONTH_NUMBERS.get(ctime[1]!.toLowerCase());
    const year = ctime[3] ?? ctime[8];
    if (month === undefined || year === undefined) return undefined;
    return instant(
      Number(year),
      month,
      Number(ctime[2]),
      Number(ctime[4]),
      Number(ctime[5]),
      Number(ctime[6] ?? 0),
      zoneOffset(ctime[7]),
    );
  }
  const iso = ISO.exec(text);
  if (iso === null) return undefined;
  return instant(
    Number(iso[1]),
    Number(iso[2]) - 1,
    Number(iso[3]),
    Number(iso[4] ?? 0),
    Number(iso[5] ?? 0),
    Number(iso[6] ?? 0),
    zoneOffset(iso[7]),
  );
}

function zoneOffset(zone: string | undefined): number {
  if (zone === undefined) return 0;
  const match = /^([+-])(\d{2}):?(\d{2})$/.exec(zone);
  if (match === null) return ZONES.get(zone.toLowerCase()) ?? 0;
  return (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
}

/** RFC 5322 §4.3: 00–49 is 20xx, 50–99 and three digits add 1900. */
function fullYear(digits: string): number {
  const year = Number(digits);
  if (digits.length >= 4) return year;
  return digits.length === 2 && year < 50 ? 2000 + year : 1900 + year;
}

function instant(
  year: number,
  month: number,
  day: number,
  hour: number,
  minute: number,
  second: number,
  offsetMinutes: number,
): number | undefined {
  if (month > 11 || day < 1 || day > 31 || hour > 24 || minute > 59 || second > 60) return undefined;
  if (Math.abs(offsetMinutes) > 24 * 60) return undefined;
  const ms = Date.UTC(year, month, day, hour, minute, second);
  // Date.UTC reads the years 0–99 as 19xx.
  if (year < 100) return undefined;
  return ms - offsetMinutes * 60_000;
}

/** A moment with the zone it was written in. */
export interface DateTime {
  /** Seconds since 1970. */
  readonly seconds: number;
  readonly zoneMinutes: number;
}

const DATE_TIME = /^([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d{2}):(\d{2}):(\d{2}) ([+-])(\d{2})(\d{2})$/;

/** RFC 9051 §9 date-time, without the quotes: `17-Jul-1996 02:44:25 -0700`; undefined when it is not one. */
export function parseDateTime(text: string): DateTime | undefined {
  const match = DATE_TIME.exec(text);
  if (match === null) return undefined;
  const month = MONTH_NUMBERS.get(match[2]!.toLowerCase());
  const day = Number(match[1]);
  const zoneMinutes = (match[7] === "-" ? -1 : 1) * (Number(match[8]) * 60 + Number(match[9]));
  if (month === undefined || Number(match[9]) > 59 || Number(match[4]) > 23) return undefined;
  if (day < 1 || day > daysInMonth(Number(match[3]), month)) return undefined;
  const ms = instant(
    Number(match[3]),
    month,
    day,
    Number(match[4]),
    Number(match[5]),
    Number(match[6]),
    zoneMinutes,
  );
  return ms === undefined ? undefined : { seconds: Math.floor(ms / 1000), zoneMinutes };
}

/** INTERNALDATE: the day padded with a space (date-day-fixed). */
export function printDateTime(seconds: number, zoneMinutes = 0): string {
  const date = new Date((seconds + zoneMinutes * 60) * 1000);
  const day = String(date.getUTCDate()).padStart(2, " ");
  return `${day}-${MONTHS[date.getUTCMonth()]}-${String(date.getUTCFullYear()).padStart(4, "0")} ${clock(date)} ${zone(zoneMinutes)}`;
}

const DATE = /^(\d{1,2})-([A-Za-z]{3})-(\d{4})$/;

/** RFC 9051 §9 date, `1-Feb-1994`: days since 1970-01-01; undefined when it is not one. */
export function parseDate(text: string): number | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const month = MONTH_NUMBERS.get(match[2]!.toLowerCase());
  const day = Number(match[1]);
  const year = Number(match[3]);
  if (month === undefined || year < 100 || day < 1 || day > daysInMonth(year, month)) return undefined;
  return Date.UTC(year, month, day) / 86_400_000;
}

/** RFC 5322 date-time for generated headers. */
export function printDateHeader(ms: number, zoneMinutes = 0): string {
  const date = new Date(ms + zoneMinutes * 60_000);
  const dayName = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][date.getUTCDay()];
  return `${dayName}, ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()} ${clock(date)} ${zone(zoneMinutes)}`;
}

/**
 * Day of a Date header as it is written, disregarding time and zone, as days since 1970-01-01:
 * SEARCH SENTON and its kin (RFC 9051 §6.4.4). undefined when it cannot be read.
 */
export function sentDay(value: string): number | undefined {
  const ms = parseDateHeader(value.replace(/([+-]\d{2}:?\d{2}|\b[A-Z]{1,5})\s*(\([^)]*\)\s*)*$/, ""));
  return ms === undefined ? undefined : Math.floor(ms / 86_400_000);
}

function clock(date: Date): string {
  return `${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
}

function zone(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

function two(value: number): string {
  return value < 10 ? `0${value}` : String(value);
}

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}
