const EARLIEST_MS = Date.UTC(1601, 0, 1);
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** MS-ASDTYPE §2.7.2: 2026-11-22T06:53:31.000Z. A year has four digits; what is no date is the first of January 1970. */
export function printDate(ms: number): string {
  return new Date(Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, EARLIEST_MS), LATEST_MS)).toISOString();
}
