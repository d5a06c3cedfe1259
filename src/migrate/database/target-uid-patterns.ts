/**
 * Which target uids the users of a source may have: a list of names and patterns, kept with the source. `*` stands for
 * any characters but `@` and `*`, so that `shop-*` never reaches into another domain and `*@example.org` is all of one domain.
 *
 *     pattern = 1*( "*" / character )      ; upper and lower case are the same
 */
import { MigrateError } from "../errors.ts";

const MAX_PATTERNS = 500;
const MAX_PATTERN_LENGTH = 255;
/** More would let a pattern take long. */
const MAX_STARS = 2;

/** @throws MigrateError invalid */
export function checkPatterns(patterns: readonly string[]): void {
  if (patterns.length > MAX_PATTERNS)
    throw new MigrateError("invalid", `a source has ${MAX_PATTERNS} targetUids at most`);
  for (const pattern of patterns) {
    const isGood =
      pattern !== "" &&
      pattern.length <= MAX_PATTERN_LENGTH &&
      !/[\s\p{Cc}]/u.test(pattern) &&
      pattern.split("*").length - 1 <= MAX_STARS;
    if (!isGood) throw new MigrateError("invalid", `"${pattern}" is no pattern of target uids`);
  }
}

export function isAllowed(targetUid: string, patterns: readonly string[]): boolean {
  const uid = canonical(targetUid);
  return patterns.some((pattern) => toExpression(canonical(pattern)).test(uid));
}

function toExpression(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => RegExp.escape(part));
  return new RegExp(`^${parts.join("[^@*]*")}$`, "u");
}

function canonical(text: string): string {
  return text.normalize("NFC").toLowerCase();
}
