/**
 * Holds ActiveSync answers against the content models of MS-AS*: an element that is unknown, misplaced, missing, too often
 * there, not of this version, or with a value of another type. The models are in eas-schema-models.ts.
 */
import assert from "node:assert/strict";
import { type Element, parseElement } from "../../src/eas/element.ts";
import { parseVersion, printVersion, type ProtocolVersion } from "../../src/eas/version.ts";
import { MODELS } from "./eas-schema-models.ts";

/** Spoken when a request names no version. */
const FALLBACK: ProtocolVersion = 121;

interface Particle {
  readonly name: string;
  readonly since: number;
  readonly until: number;
  readonly isRequired: boolean;
  readonly isRepeated: boolean;
}

type Model =
  | { readonly kind: "seq" | "all"; readonly particles: readonly Particle[] }
  | { readonly kind: "value"; readonly type: string };

const VALUES: Readonly<Record<string, (text: string) => boolean>> = {
  empty: (text) => text === "",
  text: () => true,
  text1: (text) => text !== "",
  id: (text) => text.length <= 64,
  id1: (text) => text.length >= 1 && text.length <= 64,
  text256: (text) => text.length <= 256,
  text300: (text) => text.length <= 300,
  text1024: (text) => text.length <= 1024,
  text32768: (text) => text.length <= 32_768,
  opaque: () => true,
  bool: (text) => text === "0" || text === "1",
  byte: (text) => within(text, 0xff),
  short: (text) => within(text, 0xffff),
  uint: (text) => within(text, 0xffff_ffff),
  int: (text) => /^-?\d{1,15}$/.test(text),
  date: (text) =>
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/.test(text) && !Number.isNaN(Date.parse(text)),
  compact: (text) => /^\d{8}T\d{6}Z$/.test(text),
  range3: (text) => /^\d{1,3}-\d{1,3}$/.test(text),
  range9: (text) => /^\d{1,9}-\d{1,9}$/.test(text),
};

function within(text: string, most: number): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) <= most;
}

const models = new Map(Object.entries(MODELS).map(([name, text]) => [name, parseModel(name, text)]));

/** `seq Status? Limit?`: in this order; `all`: in any; `Name@140..` from a version on; names of the parent's page bare. */
function parseModel(name: string, text: string): Model {
  const [kind = "", ...words] = text.split(" ");
  if (kind !== "seq" && kind !== "all") {
    assert.ok(kind in VALUES, `${name} has the type "${kind}"`);
    return { kind: "value", type: kind };
  }
  const page = name.slice(name.lastIndexOf("/") + 1).split(":")[0] ?? "";
  return { kind, particles: words.filter((word) => word !== "").map((word) => parseParticle(word, page)) };
}

function parseParticle(word: string, page: string): Particle {
  const match = /^(?:(\w+):)?(\w+)(?:@(\d+)?\.\.(\d+)?)?([?*+]?)$/.exec(word);
  assert.ok(match !== null, `no particle: ${word}`);
  const [, ownPage = page, local = "", since = "0", until = "999", times = ""] = match;
  return {
    name: `${ownPage}:${local}`,
    since: Number(since),
    until: Number(until),
    isRequired: times === "" || times === "+",
    isRepeated: times === "*" || times === "+",
  };
}

/** What is wrong, with the path to it; empty for a good answer. */
export function schemaViolations(root: Element, version: ProtocolVersion): readonly string[] {
  const found: string[] = [];
  check(root, "", root.name, version, found);
  return found;
}

/** @param version as a request names it; anything else is 12.1 */
export function assertSchema(bytes: Buffer, version: string): void {
  const spoken = parseVersion(version) ?? FALLBACK;
  assert.deepEqual(schemaViolations(parseElement(bytes), spoken), [], `in version ${printVersion(spoken)}`);
}

function check(element: Element, parent: string, path: string, version: number, found: string[]): void {
  const model = models.get(`${parent}/${element.name}`) ?? models.get(element.name);
  if (model === undefined) {
    found.push(`${path}: there is no such element in answers`);
    return;
  }
  if (model.kind === "value") {
    if (element.children.length > 0) found.push(`${path}: has elements`);
    else if (!VALUES[model.type]?.(element.text)) {
      found.push(`${path}: "${element.text.slice(0, 80)}" is no ${model.type}`);
    }
    return;
  }
  if (element.content.length > 0) found.push(`${path}: has text`);
  checkChildren(element, model, path, version, found);
  for (const child of element.children) check(child, element.name, `${path}/${child.name}`, version, found);
}

function checkChildren(
  element: Element,
  { kind, particles }: Exclude<Model, { readonly kind: "value" }>,
  path: string,
  version: number,
  found: string[],
): void {
  const counts = new Map<string, number>();
  let last = -1;
  for (const { name } of element.children) {
    const at = particles.findIndex((particle) => particle.name === name);
    const particle = particles[at];
    if (particle === undefined) {
      found.push(`${path}/${name}: does not belong here`);
      continue;
    }
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    if (version < particle.since || version > particle.until)
      found.push(`${path}/${name}: not in this version`);
    if (count > 1 && !particle.isRepeated) found.push(`${path}/${name}: more than one`);
    if (kind === "seq" && at < last) found.push(`${path}/${name}: behind ${particles[last]?.name}`);
    last = Math.max(last, at);
  }
  for (const { name, since, until, isRequired } of particles) {
    if (isRequired && version >= since && version <= until && !counts.has(name)) {
      found.push(`${path}/${name}: missing`);
    }
  }
}
