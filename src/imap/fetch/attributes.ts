/** Every FETCH attribute, by name. A new one is a line here. */
import { annotationAttribute } from "../annotate/fetch-attribute.ts";
import type { Reader } from "../codec/reader.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";
import { binaryAttributes } from "./binary.ts";
import { bodyAttributes } from "./body.ts";
import { columnAttributes, flagsItem, internalDateItem, sizeItem } from "./columns.ts";
import type { FetchAttribute, FetchItem } from "./item.ts";
import { bodyItem, envelopeItem, summaryAttributes } from "./summaries.ts";

const ATTRIBUTES: ReadonlyMap<string, FetchAttribute> = new Map(
  [
    ...columnAttributes,
    ...summaryAttributes,
    ...bodyAttributes,
    ...binaryAttributes,
    annotationAttribute,
  ].map((attribute) => [attribute.name, attribute]),
);

/** RFC 9051 §6.4.5 macros; only alone, not in a list. */
const MACROS: ReadonlyMap<string, readonly FetchItem[]> = new Map([
  ["ALL", [flagsItem, internalDateItem, sizeItem, envelopeItem]],
  ["FAST", [flagsItem, internalDateItem, sizeItem]],
  ["FULL", [flagsItem, internalDateItem, sizeItem, envelopeItem, bodyItem]],
]);

/** ALL / FULL / FAST / fetch-att / "(" fetch-att *(SP fetch-att) ")". */
export function readFetchItems(reader: Reader, session: Session): FetchItem[] {
  if (reader.peekIs("(")) {
    const items = reader.list((inner) => readItem(inner, inner.word(), session));
    if (items.length === 0) throw bad("Nothing to fetch");
    return items;
  }
  const name = reader.word();
  return [...(MACROS.get(name) ?? [readItem(reader, name, session)])];
}

/** fetch-att *(SP fetch-att) ")", after the opening one: NOTIFY and UPDATE (RFC 5465 §8). */
export function readFetchList(reader: Reader, session: Session): FetchItem[] {
  const items: FetchItem[] = [];
  do items.push(readItem(reader, reader.word(), session));
  while (reader.skip(" "));
  reader.expect(")");
  return items;
}

function readItem(reader: Reader, name: string, session: Session): FetchItem {
  const attribute = ATTRIBUTES.get(name);
  if (attribute === undefined) throw bad(`Unknown FETCH attribute "${name}"`);
  return attribute.parse(reader, session);
}
