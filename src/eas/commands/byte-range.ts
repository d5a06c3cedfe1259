/** Range elements: `0-99`, both ends included (MS-ASCMD §2.2.3.143). */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Last result of Search and Find: their Range has three digits at most (MS-ASCMD §6.33). */
export const LAST_RESULT = 999;

/** "bad" for what is none. */
export function parseRange(text: string | undefined, missing: Range): Range | "bad" {
  if (text === undefined) return missing;
  const match = /^(\d{1,10})-(\d{1,10})$/.exec(text.trim());
  if (match === null) return "bad";
  const range = { start: Number(match[1]), end: Number(match[2]) };
  return range.end < range.start ? "bad" : range;
}
