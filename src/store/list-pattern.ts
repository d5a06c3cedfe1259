/**
 * The patterns of LIST and LSUB (RFC 9051 §6.3.9): `*` matches anything, `%` anything but the separator.
 *
 * Matching walks a set of pattern positions along the name, so its cost is at most pattern × name whatever the
 * pattern; with one wildcard the set has one or two members.
 */

const STAR = 0x2a;
const PERCENT = 0x25;

export interface ListPattern {
  matches(name: string): boolean;
  /** Names of levels above `name` that match though `name` itself need not: `%` shows "a" for a mailbox "a/b". */
  matchingAncestors(name: string): readonly string[];
  /** Literal start: nothing that matches starts otherwise. "" when INBOX's case could matter. */
  readonly literalPrefix: string;
}

/** `reference` and `pattern` as LIST joins them: one after the other, with one separator where both bring one. */
export function joinReference(reference: string, pattern: string, separator: string): string {
  return reference.endsWith(separator) && pattern.startsWith(separator)
    ? reference + pattern.slice(separator.length)
    : reference + pattern;
}

export function compileListPattern(pattern: string, separator: string): ListPattern {
  // A run of wildcards is its strongest: without this, "%%%%…" would keep as many positions alive.
  const text = pattern.replaceAll(/[*%]{2,}/g, (run) => (run.includes("*") ? "*" : "%"));
  const wildcard = text.search(/[*%]/);
  const literal = wildcard < 0 ? text : text.slice(0, wildcard);
  const mayBeInbox = literal.length < 5 || literal.slice(0, 5).toUpperCase() === "INBOX";
  const matches = wildcard < 0 ? literalMatcher(text, separator) : wildcardMatcher(text, separator);
  return {
    matches,
    matchingAncestors(name) {
      const found: string[] = [];
      for (let end = name.indexOf(separator); end >= 0; end = name.indexOf(separator, end + 1)) {
        const ancestor = name.slice(0, end);
        if (ancestor !== "" && matches(ancestor)) found.push(ancestor);
      }
      return found;
    },
    literalPrefix: mayBeInbox ? "" : literal,
  };
}

/** INBOX is INBOX in any case, also as the top of its children (RFC 9051 §5.1). */
function inboxLength(name: string, separator: string): number {
  return name === "INBOX" || name.startsWith(`INBOX${separator}`) ? 5 : 0;
}

function literalMatcher(text: string, separator: string): (name: string) => boolean {
  const folded = text.slice(0, 5).toUpperCase() + text.slice(5);
  return (name) => name === text || (inboxLength(name, separator) > 0 && name === folded);
}

function wildcardMatcher(text: string, separator: string): (name: string) => boolean {
  const length = text.length;
  const units = new Uint16Array(length);
  for (let i = 0; i < length; i += 1) units[i] = text.charCodeAt(i);
  const separatorUnit = separator.charCodeAt(0);
  let active = new Uint16Array(length + 1);
  let next = new Uint16Array(length + 1);

  return (name) => {
    const foldUntil = inboxLength(name, separator);
    let count = enter(units, active, 0, 0);
    for (let at = 0; at < name.length && count > 0; at += 1) {
      const unit = name.charCodeAt(at);
      let nextCount = 0;
      // Positions stay ascending and unique, so `enter` needs to look at the last one only.
      for (let i = 0; i < count; i += 1) {
        const position = active[i] ?? 0;
        const wanted = units[position];
        if (wanted === STAR || (wanted === PERCENT && unit !== separatorUnit)) {
          nextCount = enter(units, next, nextCount, position);
        } else if (wanted !== PERCENT && (wanted === unit || (at < foldUntil && upper(wanted) === unit))) {
          nextCount = enter(units, next, nextCount, position + 1);
        }
      }
      [active, next] = [next, active];
      count = nextCount;
    }
    return count > 0 && active[count - 1] === length;
  };
}

/** Adds a position, and the one behind it when it stands at a wildcard, which may match nothing. */
function enter(units: Uint16Array, set: Uint16Array, count: number, position: number): number {
  let size = count;
  for (let at = position; ; at += 1) {
    if (size === 0 || (set[size - 1] ?? 0) < at) {
      set[size] = at;
      size += 1;
    }
    const unit = units[at];
    if (unit !== STAR && unit !== PERCENT) return size;
  }
}

function upper(unit: number | undefined): number {
  return unit !== undefined && unit >= 0x61 && unit <= 0x7a ? unit - 32 : (unit ?? 0);
}
