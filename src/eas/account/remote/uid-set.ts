/** UIDs as IMAP writes them. */
import type { Reader } from "../../../imap/codec/reader.ts";
import type { Untagged } from "../../../imap/codec/response.ts";
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

/** What each ESEARCH (RFC 4731) or SEARCH response found, ascending; in their order. */
export function readSearches(untagged: readonly Untagged[]): Uint32Array[] {
  const searches: Uint32Array[] = [];
  for (const response of untagged) {
    if (response.name === "ESEARCH") searches.push(readEsearch(response.arguments()));
    else if (response.name === "SEARCH") {
      const words = response.arguments().rest().trim().split(" ");
      searches.push(Uint32Array.from(words.filter((word) => /^\d+$/.test(word)).map(Number)).sort());
    }
  }
  return searches;
}

/** `(TAG "x") UID ALL 1:5`; without ALL nothing was found. */
function readEsearch(reader: Reader): Uint32Array {
  while (!reader.atEnd) {
    if (reader.skip(" ")) continue;
    if (reader.peekIs("(")) {
      reader.until(")");
      reader.expect(")");
    } else if (reader.word() === "ALL") return readUids(reader.sp());
  }
  return new Uint32Array(0);
}
