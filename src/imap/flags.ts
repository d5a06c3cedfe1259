/** System flags and keywords between their names (RFC 9051 §2.3.2) and the store's bits. */
import { SystemFlag, type UserId } from "../store/model.ts";
import type { MailboxView } from "../store/port.ts";
import type { Output } from "../wire/output.ts";
import { bad, no } from "./refusal.ts";

export const SYSTEM_FLAGS: readonly (readonly [string, number])[] = [
  ["\\Answered", SystemFlag.answered],
  ["\\Flagged", SystemFlag.flagged],
  ["\\Deleted", SystemFlag.deleted],
  ["\\Seen", SystemFlag.seen],
  ["\\Draft", SystemFlag.draft],
];
const BIT_OF = new Map(SYSTEM_FLAGS.map(([name, bit]) => [name.toUpperCase(), bit]));

/** Longer keywords break other servers and clients. */
export const MAX_KEYWORD_CHARACTERS = 255;

export interface FlagSet {
  readonly systemFlags: number;
  readonly keywords: readonly string[];
}

/** @throws ImapRefusal BAD for a system flag that is none */
export function flagSet(flags: readonly string[]): FlagSet {
  let systemFlags = 0;
  const keywords = new Map<string, string>();
  for (const flag of flags) {
    if (!flag.startsWith("\\")) {
      if (flag.length > MAX_KEYWORD_CHARACTERS) throw no("Keyword too long", "LIMIT");
      keywords.set(flag.toLowerCase(), flag);
      continue;
    }
    const bit = BIT_OF.get(flag.toUpperCase());
    if (bit !== undefined) systemFlags |= bit;
    // Clients copy \Recent from FETCH into APPEND; only the server sets it (RFC 3501 §2.3.2).
    else if (flag.toUpperCase() !== "\\RECENT") throw bad(`Unknown system flag "${flag}"`);
  }
  return { systemFlags, keywords: [...keywords.values()] };
}

/** Printed names of each combination of system flags, with a trailing space after each. */
const NAMES_OF_BITS: readonly string[] = Array.from({ length: 64 }, (_, bits) =>
  SYSTEM_FLAGS.filter(([, bit]) => bits & bit)
    .map(([name]) => `${name} `)
    .join(""),
);
const WHOLE_OF_BITS: readonly string[] = NAMES_OF_BITS.map((names) => `(${names.trimEnd()})`);

/** `(\Seen $Forwarded)` of message `index` as `user` sees it. */
export function writeFlags(
  out: Output,
  view: MailboxView,
  index: number,
  user: UserId,
  recent: boolean,
): void {
  let bits = view.systemFlags[index]! & 63 & ~(SystemFlag.seen | SystemFlag.expunged);
  if (view.isSeenBy(user, index)) bits |= SystemFlag.seen;
  const words = view.keywordBits;
  const at = 4 * index;
  if (!recent && !(words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!)) {
    out.ascii(WHOLE_OF_BITS[bits]!);
    return;
  }
  let text = NAMES_OF_BITS[bits]!;
  if (recent) text += "\\Recent ";
  for (let word = 0; word < 4; word++) {
    for (let rest = words[at + word]!; rest !== 0; rest &= rest - 1) {
      const keyword = view.mailbox.keywords[32 * word + 31 - Math.clz32(rest & -rest)];
      if (keyword !== undefined) text += `${keyword} `;
    }
  }
  out.ascii(`(${text.trimEnd()})`);
}

/** Position of a keyword in the mailbox, any case; -1 when it has none. */
export function keywordBit(view: MailboxView, keyword: string): number {
  const wanted = keyword.toLowerCase();
  return view.mailbox.keywords.findIndex((known) => known.toLowerCase() === wanted);
}

export function hasKeyword(view: MailboxView, index: number, bit: number): boolean {
  return bit >= 0 && (view.keywordBits[4 * index + (bit >>> 5)]! & (1 << (bit & 31))) !== 0;
}
