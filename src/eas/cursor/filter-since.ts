/**
 * FilterType: MS-ASCMD §2.2.3.68.2. Days back for mail. Cut at the start of a day (UTC), so that items grow too old once a
 * day and not with every request, and an IMAP server's SEARCH SINCE means the same.
 */
const DAYS: readonly number[] = [0, 1, 3, 7, 14, 30, 91, 182];
const SECONDS_A_DAY = 86_400;
/** FilterType 0: everything. */
export const ALL_ITEMS = 0;
/** FilterType 1 to 5; 6 and 7 are for calendars, 8 for tasks. */
const LAST_MAIL_FILTER = 5;

export function isMailFilter(filterType: number): boolean {
  return Number.isInteger(filterType) && filterType >= ALL_ITEMS && filterType <= LAST_MAIL_FILTER;
}

/** Seconds since 1970 of the oldest item that is in; 0 = all. */
export function sinceOf(filterType: number, nowMs: number): number {
  const days = DAYS[filterType] ?? 0;
  if (days === 0) return 0;
  const today = Math.floor(nowMs / 1000 / SECONDS_A_DAY);
  return (today - days) * SECONDS_A_DAY;
}
