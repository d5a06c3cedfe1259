/** The server wants slower work: RFC 5530's codes, and what large providers say in words. */
const WORDS = /\b(?:THROTTLED|UNAVAILABLE|OVERQUOTA|LIMIT|INUSE|too many|rate limit|bandwidth)\b/i;

export function asksForLess(text: string): boolean {
  return WORDS.test(text);
}
