/** Result options of extended SEARCH (RFC 4731, RFC 9051 §6.4.4): MIN, MAX, ALL, COUNT, SAVE. Extensions add a line. */
import { printNumbers } from "../../wire/number-set.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";

/** Numbers are in the order of the result: ascending for SEARCH, sorted for SORT. */
export interface SearchResult {
  readonly uids: readonly number[];
  /** The same as sequence numbers, or UIDs in the UID form. */
  readonly numbers: readonly number[];
  readonly tag: string;
}

export interface ReturnItem {
  readonly name: string;
  /** ` NAME value` for the ESEARCH response; "" for nothing. */
  text(result: SearchResult, session: Session): string;
  /** UIDs that SAVE keeps when this item limits them (RFC 5182 §2.4); undefined = all. */
  saves?(result: SearchResult): readonly number[];
}

function plain(item: ReturnItem): readonly [string, (reader: Reader, session: Session) => ReturnItem] {
  return [item.name, () => item];
}

const RETURN_ITEMS: ReadonlyMap<string, (reader: Reader, session: Session) => ReturnItem> = new Map([
  plain({
    name: "MIN",
    text: ({ numbers }) => (numbers.length === 0 ? "" : ` MIN ${numbers[0]}`),
    saves: ({ uids }) => uids.slice(0, 1),
  }),
  plain({
    name: "MAX",
    text: ({ numbers }) => (numbers.length === 0 ? "" : ` MAX ${numbers.at(-1)}`),
    saves: ({ uids }) => uids.slice(-1),
  }),
  plain({
    name: "ALL",
    text: ({ numbers }) => (numbers.length === 0 ? "" : ` ALL ${printNumbers(numbers)}`),
  }),
  plain({ name: "COUNT", text: ({ numbers }) => ` COUNT ${numbers.length}` }),
  plain({ name: "SAVE", text: () => "" }),
]);

const ALL_ITEM = RETURN_ITEMS.get("ALL")!;

/** "RETURN" SP "(" … ")" SP, when it is next; undefined when the client asked for none. */
export function readReturnItems(reader: Reader, session: Session): ReturnItem[] | undefined {
  if (reader.peekKeyword() !== "RETURN") return undefined;
  reader.keyword();
  const items = reader.sp().list((inner) => {
    const name = inner.keyword();
    const item = RETURN_ITEMS.get(name);
    if (item === undefined) throw bad(`Unknown result option "${name}"`);
    return item(inner, session);
  });
  // "RETURN ()" is ALL (RFC 4731 §3.1).
  if (items.length === 0) items.push(ALL_ITEM(reader, session));
  reader.sp();
  return items;
}

/** What IMAP4rev2 answers to a SEARCH without RETURN. */
export function defaultReturnItems(reader: Reader, session: Session): ReturnItem[] {
  return [ALL_ITEM(reader, session)];
}

/** `* ESEARCH (TAG "a") UID COUNT 5 …`; `modseq` when a MODSEQ key or CONDSTORE asked for it. */
export function writeEsearch(
  session: Session,
  result: SearchResult,
  items: readonly ReturnItem[],
  by: "sequence" | "uid",
  modseq: number | undefined,
): void {
  const onlySave = items.every(({ name }) => name === "SAVE");
  if (!onlySave) {
    const values = items.map((item) => item.text(result, session)).join("");
    const highest = modseq === undefined || result.numbers.length === 0 ? "" : ` MODSEQ ${modseq}`;
    const tag = result.tag.replaceAll(/["\\]/g, "\\$&");
    session.untagged(`ESEARCH (TAG "${tag}")${by === "uid" ? " UID" : ""}${values}${highest}`);
  }
  if (!items.some(({ name }) => name === "SAVE")) return;
  // RFC 5182 §2.4: MIN and MAX limit what is saved, unless ALL or COUNT stands beside them.
  const limits = items.filter(({ name }) => name !== "SAVE");
  const limited = limits.length > 0 && limits.every((item) => item.saves !== undefined);
  const saved = limited ? limits.flatMap((item) => item.saves?.(result) ?? []) : result.uids;
  session.selected.save([...new Set(saved)].sort((a, b) => a - b));
}
