import type { TestDefinition } from "../compiler.ts";
import { SieveSyntaxError } from "../errors.ts";
import { compileHeaderReader, indexTags } from "../headers.ts";
import { compileMatcher, matchTags } from "../match/match.ts";
import type { SieveDate } from "../message.ts";
import type { BoundArguments, TagSpec } from "../signature.ts";

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const pad = (value: number, width = 2): string => String(value).padStart(width, "0");

/** Pieces of a date in its zone: RFC 5260 §4.2. */
const PARTS: Readonly<Record<string, (at: Date, zoneMinutes: number) => string>> = {
  year: (at) => pad(at.getUTCFullYear(), 4),
  month: (at) => pad(at.getUTCMonth() + 1),
  day: (at) => pad(at.getUTCDate()),
  date: (at) => at.toISOString().slice(0, 10),
  // Modified Julian day: 40,587 is 1970-01-01.
  julian: (at) => String(Math.floor(at.getTime() / 86_400_000) + 40_587),
  hour: (at) => pad(at.getUTCHours()),
  minute: (at) => pad(at.getUTCMinutes()),
  second: (at) => pad(at.getUTCSeconds()),
  time: (at) => at.toISOString().slice(11, 19),
  iso8601: (at, zone) => `${at.toISOString().slice(0, 19)}${zoneText(zone, ":")}`,
  std11: (at, zone) =>
    `${DAYS[at.getUTCDay()]}, ${pad(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${pad(at.getUTCFullYear(), 4)} ` +
    `${at.toISOString().slice(11, 19)} ${zoneText(zone, "")}`,
  zone: (_, zone) => zoneText(zone, ""),
  weekday: (at) => String(at.getUTCDay()),
};

function zoneText(minutes: number, separator: string): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? "-" : "+"}${pad(Math.floor(size / 60))}${separator}${pad(size % 60)}`;
}

const zoneTags: Readonly<Record<string, TagSpec>> = {
  zone: { group: "zone", value: "string" },
  originalzone: { group: "zone" },
};

/** date: RFC 5260 §4. */
export const date: TestDefinition = {
  name: "date",
  capability: ["date"],
  signature: {
    tags: { ...matchTags, ...indexTags, ...zoneTags },
    positional: ["string", "string", "strings"],
  },
  compile(args, scope) {
    const name = scope.template(args.string(0), args.position);
    const part = datePart(args, 1);
    const matcher = compileMatcher(args, scope, args.strings(2));
    const read = compileHeaderReader(args);
    return (run) => {
      // RFC 5260 §4: without :index the first occurrence counts.
      const value = read(run, name(run))[0];
      const parsed = value === undefined ? undefined : run.message.parseDate(afterSemicolon(value));
      return parsed !== undefined && matcher(run, [part(parsed, run.environment.now.zoneMinutes)]);
    };
  },
};

/** currentdate: RFC 5260 §5. */
export const currentdate: TestDefinition = {
  name: "currentdate",
  capability: ["date"],
  signature: { tags: { ...matchTags, zone: zoneTags["zone"]! }, positional: ["string", "strings"] },
  compile(args, scope) {
    const part = datePart(args, 0);
    const matcher = compileMatcher(args, scope, args.strings(1));
    return (run) => matcher(run, [part(run.environment.now, run.environment.now.zoneMinutes)]);
  },
};

/** Trace headers (Received) carry their date after the last semicolon. */
function afterSemicolon(value: string): string {
  return value.slice(value.lastIndexOf(";") + 1).trim();
}

function datePart(args: BoundArguments, index: number): (value: SieveDate, localZone: number) => string {
  const name = args.string(index).toLowerCase();
  const part = PARTS[name];
  if (part === undefined) throw new SieveSyntaxError(args.position, `unknown date part "${name}"`);
  const zone = args.tagString("zone");
  const match = zone === undefined ? undefined : /^([+-])(\d\d)([0-5]\d)$/.exec(zone);
  if (match === null) throw new SieveSyntaxError(args.position, `a zone has the form "+hhmm", not "${zone}"`);
  const fixed =
    match === undefined
      ? undefined
      : (match[1] === "-" ? -1 : 1) * (Number(match[2]) * 60 + Number(match[3]));
  const original = args.has("originalzone");
  return (value, localZone) => {
    const minutes = original ? value.zoneMinutes : (fixed ?? localZone);
    return part(new Date((value.epochSeconds + minutes * 60) * 1000), minutes);
  };
}
