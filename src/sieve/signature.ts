/** What arguments a command or test takes, as data; `bindArguments` checks a script against it. */
import { SieveSyntaxError, type Position } from "./errors.ts";
import type { ArgumentNode } from "./syntax.ts";

export interface TagSpec {
  /** The argument that follows the tag; absent = none. */
  readonly value?: "string" | "strings" | "number";
  /** Extension that must be required before the tag may be used. */
  readonly capability?: string;
  /** At most one tag of a group may stand in a command. */
  readonly group?: string;
}

export interface Signature {
  readonly tags?: Readonly<Record<string, TagSpec>>;
  readonly positional?: readonly ("string" | "strings" | "number")[];
  /** Leading positional arguments that may be left out (hasflag, setflag: the variable list). */
  readonly optionalFirst?: boolean;
  /** The last positional argument may be left out (deleteheader: the values). */
  readonly optionalLast?: boolean;
  readonly tests?: "none" | "one" | "many";
  readonly block?: boolean;
}

export interface BoundArguments {
  readonly position: Position;
  has(tag: string): boolean;
  /** The one tag of a group that is present. */
  chosen(group: string): string | undefined;
  tagStrings(tag: string): readonly string[] | undefined;
  tagString(tag: string): string | undefined;
  tagNumber(tag: string): number | undefined;
  readonly count: number;
  strings(index: number): readonly string[];
  string(index: number): string;
  number(index: number): number;
}

interface Node {
  readonly name: string;
  readonly position: Position;
  readonly arguments: readonly ArgumentNode[];
}

/** @throws SieveSyntaxError for unknown tags, missing extensions, wrong types and counts */
export function bindArguments(
  node: Node,
  signature: Signature,
  isRequired: (capability: string) => boolean,
): BoundArguments {
  const tags = new Map<string, ArgumentNode | undefined>();
  const groups = new Map<string, string>();
  const positional: ArgumentNode[] = [];
  for (let index = 0; index < node.arguments.length; index += 1) {
    const argument = node.arguments[index]!;
    if (argument.kind !== "tag") {
      positional.push(argument);
      continue;
    }
    const spec = signature.tags?.[argument.name];
    if (spec === undefined)
      throw new SieveSyntaxError(argument.position, `${node.name} does not take :${argument.name}`);
    if (spec.capability !== undefined && !isRequired(spec.capability)) {
      throw new SieveSyntaxError(argument.position, `:${argument.name} needs require "${spec.capability}"`);
    }
    if (tags.has(argument.name))
      throw new SieveSyntaxError(argument.position, `:${argument.name} stands twice`);
    claimGroup(groups, spec.group, argument.name, argument.position);
    if (spec.value !== undefined) index += 1;
    const value = spec.value === undefined ? undefined : node.arguments[index];
    if (spec.value !== undefined) checkType(value, spec.value, `:${argument.name}`, argument.position);
    tags.set(argument.name, value);
  }
  checkPositional(node, signature, positional);
  return bound(node.position, tags, groups, positional);
}

function claimGroup(
  groups: Map<string, string>,
  group: string | undefined,
  tag: string,
  position: Position,
): void {
  if (group === undefined) return;
  const other = groups.get(group);
  if (other !== undefined) throw new SieveSyntaxError(position, `:${tag} and :${other} exclude each other`);
  groups.set(group, tag);
}

function checkPositional(node: Node, signature: Signature, positional: readonly ArgumentNode[]): void {
  let wanted = signature.positional ?? [];
  if (signature.optionalFirst === true && positional.length === wanted.length - 1) wanted = wanted.slice(1);
  if (signature.optionalLast === true && positional.length === wanted.length - 1)
    wanted = wanted.slice(0, -1);
  if (positional.length !== wanted.length) {
    throw new SieveSyntaxError(
      node.position,
      `${node.name} takes ${wanted.length} arguments, ${positional.length} are given`,
    );
  }
  for (const [index, type] of wanted.entries()) {
    checkType(positional[index], type, `argument ${index + 1} of ${node.name}`, node.position);
  }
}

function checkType(
  argument: ArgumentNode | undefined,
  type: "string" | "strings" | "number",
  what: string,
  position: Position,
): void {
  if (type === "number" && argument?.kind === "number") return;
  if (type === "strings" && argument?.kind === "strings") return;
  if (type === "string" && argument?.kind === "strings" && !argument.list) return;
  const wanted = { string: "a string", strings: "a string or a list", number: "a number" }[type];
  throw new SieveSyntaxError(argument?.position ?? position, `${what} must be ${wanted}`);
}

function bound(
  position: Position,
  tags: ReadonlyMap<string, ArgumentNode | undefined>,
  groups: ReadonlyMap<string, string>,
  positional: readonly ArgumentNode[],
): BoundArguments {
  const strings = (argument: ArgumentNode | undefined) =>
    argument?.kind === "strings" ? argument.values : undefined;
  const number = (argument: ArgumentNode | undefined) =>
    argument?.kind === "number" ? argument.value : undefined;
  return {
    position,
    has: (tag) => tags.has(tag),
    chosen: (group) => groups.get(group),
    tagStrings: (tag) => strings(tags.get(tag)),
    tagString: (tag) => strings(tags.get(tag))?.[0],
    tagNumber: (tag) => number(tags.get(tag)),
    count: positional.length,
    strings: (index) => strings(positional[index]) ?? [],
    string: (index) => strings(positional[index])?.[0] ?? "",
    number: (index) => number(positional[index]) ?? 0,
  };
}
