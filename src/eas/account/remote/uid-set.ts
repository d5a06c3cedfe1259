/** UIDs as IMAP writes them. */
import type { CommandResult } from "../../../imap/client-command.ts";
import type { Reader } from "../../../imap/codec/reader.ts";
import type { Uid } from "../../../base/numbers.ts";

/** `1:5,7` of UIDs in any order. */
export function printUids(uids: readonly Uid[] | Uint32Array): string {
  const sorted = Uint32Array.from(uids).sort();
  const ranges: string[] = [];
  for (let i = 0; i < sorted.length;) {
    const first = sorted[i]!;
    let last = first;
    for (i += 1; i < sorted.length && sorted[i]! <= last + 1; i += 1) last = sorted[i]!;
    ranges.push(first === last ? `${first}` : `${first}:${last}`);
  }
  return ranges.join(",");
}

/** More UIDs than a mailbox can hold mean that the server lies. */
const MAX_UIDS = 20_000_000;

/** A uid-set of a response: no `*`. @throws RangeError */
export function readUids(reader: Reader): Uint32Array {
  const { ranges } = reader.sequenceSet();
  let count = 0;
  for (const { first, last } of ranges) count += last - first + 1;
  if (count > MAX_UIDS) throw new RangeError("a UID set is too large");
  const uids = new Uint32Array(count);
  let at = 0;
  for (const { first, last } of ranges) for (let uid = first; uid <= last; uid += 1) uids[at++] = uid;
  return uids.sort();
}

/** ESEARCH (RFC 4731) or SEARCH. Ascending. */
export function readSearch({ untagged }: CommandResult): Uint32Array {
  const found: number[] = [];
  for (const response of untagged) {
    if (response.name === "ESEARCH") {
      const reader = response.arguments();
      while (!reader.atEnd) {
        reader.skip(" ");
        if (reader.peekIs("(")) reader.until(")");
        if (reader.skip(")")) continue;
        if (reader.word() === "ALL") return readUids(reader.sp());
      }
    } else if (response.name === "SEARCH") {
      for (const word of response.arguments().rest().trim().split(" ")) {
        if (/^\d+$/.test(word)) found.push(Number(word));
      }
    }
  }
  return Uint32Array.from(found).sort();
}
