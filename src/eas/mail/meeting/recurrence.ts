/** RRULE (RFC 5545 §3.3.10) as the Recurrence of MS-ASEMAIL §2.2.2.60; what it cannot say is undefined. */
export interface Recurrence {
  /** 0 daily, 1 weekly, 2 monthly by date, 3 monthly by weekday, 5 yearly by date, 6 yearly by weekday. */
  readonly type: 0 | 1 | 2 | 3 | 5 | 6;
  readonly interval: number;
  readonly occurrences: number | undefined;
  /** As in RRULE, compact: `20261231T225959Z`. */
  readonly until: string | undefined;
  /** Sum of 1 (Sunday) … 64 (Saturday). */
  readonly daysOfWeek: number | undefined;
  readonly dayOfMonth: number | undefined;
  /** 5 = last. */
  readonly weekOfMonth: number | undefined;
  readonly monthOfYear: number | undefined;
  /** 0 = Sunday. */
  readonly firstDayOfWeek: number;
}

const DAYS = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

export function toRecurrence(
  rrule: string,
  start: { readonly month: number; readonly day: number; readonly weekday: number },
): Recurrence | undefined {
  const parts = new Map(
    rrule
      .toUpperCase()
      .split(";", 30)
      .map((part) => {
        const [name = "", value = ""] = part.split("=");
        return [name.trim(), value.trim()] as const;
      }),
  );
  const days = (parts.get("BYDAY") ?? "").split(",").flatMap((text) => {
    const match = /^([+-]?\d)?(SU|MO|TU|WE|TH|FR|SA)$/.exec(text);
    return match === null
      ? []
      : [{ week: match[1] === undefined ? 0 : Number(match[1]), day: DAYS.indexOf(match[2]!) }];
  });
  const daysOfWeek = days.reduce((sum, { day }) => sum | (1 << day), 0);
  const position = Number(parts.get("BYSETPOS") ?? days[0]?.week ?? 0);
  const weekOfMonth = position < 0 ? 5 : position;
  const common = {
    interval: whole(parts.get("INTERVAL")) ?? 1,
    occurrences: whole(parts.get("COUNT")),
    until: parts.get("UNTIL"),
    daysOfWeek: undefined,
    dayOfMonth: undefined,
    weekOfMonth: undefined,
    monthOfYear: undefined,
    firstDayOfWeek: Math.max(0, DAYS.indexOf(parts.get("WKST") ?? "MO")),
  };
  const month = whole(parts.get("BYMONTH")) ?? start.month;
  const dayOfMonth = whole(parts.get("BYMONTHDAY")) ?? start.day;
  const byWeekday = days.length > 0 && weekOfMonth >= 1 && weekOfMonth <= 5;
  switch (parts.get("FREQ")) {
    case "DAILY":
      return { ...common, type: 0, daysOfWeek: daysOfWeek || undefined };
    case "WEEKLY":
      return { ...common, type: 1, daysOfWeek: daysOfWeek || 1 << start.weekday };
    case "MONTHLY":
      return byWeekday ? { ...common, type: 3, daysOfWeek, weekOfMonth } : { ...common, type: 2, dayOfMonth };
    case "YEARLY":
      return byWeekday
        ? { ...common, type: 6, daysOfWeek, weekOfMonth, monthOfYear: month }
        : { ...common, type: 5, dayOfMonth, monthOfYear: month };
    default:
      return undefined;
  }
}

function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,4}/.test(text) ? Number.parseInt(text, 10) : undefined;
}
