/**
 * What is right in a script and yet hardly meant: told to its author when it is uploaded (RFC 5804 §1.3, WARNINGS).
 * Only for scripts that compile.
 */
import type { Position } from "./errors.ts";
import type { SieveLimits } from "./limits.ts";
import { parseScript } from "./parser.ts";
import type { ArgumentNode, CommandNode, TestNode } from "./syntax.ts";

export interface SieveWarning {
  readonly position: Position;
  readonly text: string;
}

/** More would not be read. */
const MAX_WARNINGS = 10;
const LOOKS_LIKE_VARIABLE = /\$\{(?:[A-Za-z_][A-Za-z0-9_.]*|\d{1,9})\}/;
const LOOKS_ENCODED = /\$\{(?:hex|unicode):[0-9A-Fa-f\s]+\}/i;
/** Nothing of their block runs after them. */
const ENDS: ReadonlySet<string> = new Set(["stop", "return", "break"]);

/** @throws SieveSyntaxError */
export function warningsOf(source: string, limits: SieveLimits): readonly SieveWarning[] {
  const commands = parseScript(source, limits);
  const named = new Set(commands.flatMap(namedExtensions));
  const warnings: SieveWarning[] = [];
  const warn = (position: Position, text: string): void => {
    if (warnings.length < MAX_WARNINGS) warnings.push({ position, text });
  };
  const argument = (node: ArgumentNode): void => {
    if (node.kind !== "strings") return;
    for (const value of node.values) {
      const variable = LOOKS_LIKE_VARIABLE.exec(value)?.[0];
      if (variable !== undefined && !named.has("variables")) {
        warn(node.position, `${variable} is text without require "variables"`);
      }
      const encoded = LOOKS_ENCODED.exec(value)?.[0];
      if (encoded !== undefined && !named.has("encoded-character")) {
        warn(node.position, `${encoded} is text without require "encoded-character"`);
      }
    }
  };
  const node = (one: CommandNode | TestNode): void => {
    one.arguments.forEach(argument);
    one.tests.forEach(node);
    if ("block" in one && one.block !== undefined) block(one.block);
  };
  const block = (nodes: readonly CommandNode[]): void => {
    nodes.forEach(node);
    const end = nodes.findIndex(({ name }) => ENDS.has(name));
    const next = end < 0 ? undefined : nodes[end + 1];
    if (next !== undefined) warn(next.position, `nothing runs after ${nodes[end]?.name}`);
  };
  block(commands);
  return warnings;
}

/** By `require`, and by tests of `ihave` anywhere (RFC 5463 §4). */
function namedExtensions(node: CommandNode | TestNode): readonly string[] {
  const own = node.name === "require" || node.name === "ihave" ? node.arguments : [];
  return [
    ...own.flatMap((argument) => (argument.kind === "strings" ? argument.values : [])),
    ...node.tests.flatMap(namedExtensions),
    ...("block" in node ? (node.block ?? []).flatMap(namedExtensions) : []),
  ];
}
