/** Header fields and addresses as tests read them. */
import { SieveSyntaxError } from "./errors.ts";
import type { HeaderField, SieveAddress, SieveMessage, SievePart } from "./message.ts";
import type { Run } from "./run.ts";
import type { BoundArguments, TagSpec } from "./signature.ts";

/** RFC 5260 §6: picks one occurrence of a header. */
export const indexTags: Readonly<Record<string, TagSpec>> = {
  index: { value: "number", capability: "index" },
  last: { capability: "index" },
};

/** RFC 5703 §4: the header of the current part, or of it and all below. */
export const mimeTags: Readonly<Record<string, TagSpec>> = {
  mime: { capability: "mime" },
  anychild: { capability: "mime" },
};

/** RFC 5228 §2.7.4 with RFC 5233: which piece of an address is compared. */
export const addressPartTags: Readonly<Record<string, TagSpec>> = {
  all: { group: "part" },
  localpart: { group: "part" },
  domain: { group: "part" },
  user: { group: "part", capability: "subaddress" },
  detail: { group: "part", capability: "subaddress" },
};

export type HeaderReader = (run: Run, name: string) => readonly string[];

/** Reads values of a header as the tags say: of the message or of MIME parts, all of them or one. */
export function compileHeaderReader(args: BoundArguments): HeaderReader {
  const index = args.tagNumber("index");
  const last = args.has("last");
  if (last && index === undefined) throw new SieveSyntaxError(args.position, ":last needs :index");
  if (index === 0) throw new SieveSyntaxError(args.position, ":index counts from 1");
  const mime = args.has("mime");
  if (args.has("anychild") && !mime) throw new SieveSyntaxError(args.position, ":anychild needs :mime");
  const parts = mime ? partsOf(args.has("anychild")) : undefined;
  return (run, name) => {
    run.step();
    const fields = parts === undefined ? run.headers : parts(run).flatMap((part) => part.headers);
    const values = valuesOf(fields, name.toLowerCase());
    if (index === undefined) return values;
    const value = last ? values[values.length - index] : values[index - 1];
    return value === undefined ? [] : [value];
  };
}

/** Values by lower-case name, for the headers that tests ask about again and again; an edited header is another one. */
const indexes = new WeakMap<readonly HeaderField[], Map<string, string[]>>();

function valuesOf(fields: readonly HeaderField[], name: string): readonly string[] {
  let index = indexes.get(fields);
  if (index === undefined) {
    index = new Map();
    for (const field of fields) {
      const key = field.name.toLowerCase();
      const values = index.get(key);
      if (values === undefined) index.set(key, [field.value.trim()]);
      else values.push(field.value.trim());
    }
    indexes.set(fields, index);
  }
  return index.get(name) ?? NO_VALUES;
}
const NO_VALUES: readonly string[] = [];

/** Parts that `:mime` and `:anychild` mean here. */
export function partsOf(anyChild: boolean): (run: Run) => readonly SievePart[] {
  return (run) => {
    const part = run.part ?? run.message.root;
    return anyChild ? [...walkParts(part)] : [part];
  };
}

/** The part and everything below it, depth first. */
export function* walkParts(part: SievePart): Iterable<SievePart> {
  const stack: SievePart[] = [part];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    yield next;
    stack.push(...[...next.children].reverse());
  }
}

export type AddressPart = (address: SieveAddress) => string | undefined;

export function compileAddressPart(args: BoundArguments): (run: Run) => AddressPart {
  const part = args.chosen("part") ?? "all";
  return (run) => (address) => addressPart(address, part, run.environment.addressSeparator);
}

/** undefined = the address has no such piece: a missing detail matches nothing (RFC 5233 §4). */
function addressPart(address: SieveAddress, part: string, separator: string): string | undefined {
  if (part === "localpart") return address.localPart;
  if (part === "domain") return address.domain;
  if (part === "all") return address.address;
  const at = address.localPart.indexOf(separator);
  if (part === "user") return at < 0 ? address.localPart : address.localPart.slice(0, at);
  return at < 0 ? undefined : address.localPart.slice(at + separator.length);
}

export function addressOf(text: string): SieveAddress {
  const at = text.lastIndexOf("@");
  const localPart = at < 0 ? text : text.slice(0, at);
  return { address: text, localPart, domain: at < 0 ? "" : text.slice(at + 1) };
}

export function addressesIn(message: SieveMessage, values: readonly string[]): readonly SieveAddress[] {
  return values.flatMap((value) => message.parseAddresses(value));
}
