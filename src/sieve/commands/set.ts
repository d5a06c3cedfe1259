import type { CommandDefinition } from "../compiler.ts";
import { SieveSyntaxError } from "../errors.ts";
import type { TagSpec } from "../signature.ts";

/** RFC 5229 §4.1: modifiers by precedence, highest first; RFC 5435 §6 adds :encodeurl. */
const MODIFIERS: readonly {
  tag: string;
  precedence: number;
  capability?: string;
  apply(text: string): string;
}[] = [
  { tag: "lower", precedence: 40, apply: (text) => text.toLowerCase() },
  { tag: "upper", precedence: 40, apply: (text) => text.toUpperCase() },
  { tag: "lowerfirst", precedence: 30, apply: (text) => firstTo(text, (first) => first.toLowerCase()) },
  { tag: "upperfirst", precedence: 30, apply: (text) => firstTo(text, (first) => first.toUpperCase()) },
  { tag: "quotewildcard", precedence: 20, apply: (text) => text.replace(/[*?\\]/g, "\\$&") },
  {
    tag: "quoteregex",
    precedence: 20,
    capability: "regex",
    apply: (text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"),
  },
  { tag: "encodeurl", precedence: 15, capability: "enotify", apply: encodeUrl },
  { tag: "length", precedence: 10, apply: (text) => String(Array.from(text).length) },
];

export const modifierTags: Readonly<Record<string, TagSpec>> = Object.fromEntries(
  MODIFIERS.map(({ tag, precedence, capability }) => [
    tag,
    { group: `modifier ${precedence}`, ...(capability === undefined ? {} : { capability }) },
  ]),
);

/** Applies the modifiers that are present, by precedence. */
export function modifierOf(has: (tag: string) => boolean): (text: string) => string {
  const present = MODIFIERS.filter(({ tag }) => has(tag));
  return (text) => present.reduce((value, modifier) => modifier.apply(value), text);
}

/** set: RFC 5229 §4. */
export const set: CommandDefinition = {
  name: "set",
  capability: ["variables"],
  signature: { tags: modifierTags, positional: ["string", "string"] },
  compile(args, scope) {
    const name = variableName(args.string(0), args.position);
    const value = scope.template(args.string(1), args.position);
    const modify = modifierOf((tag) => args.has(tag));
    return (run) => {
      if (name.startsWith("global.")) run.globals.set(name.slice("global.".length), modify(value(run)));
      else run.setVariable(name, modify(value(run)));
      return "next";
    };
  },
};

export function variableName(text: string, position: SieveSyntaxError["position"]): string {
  const name = text.toLowerCase();
  if (!/^(?:global\.)?[a-z_][a-z0-9_]*$/.test(name)) {
    throw new SieveSyntaxError(position, `"${text}" is not the name of a variable`);
  }
  return name;
}

function firstTo(text: string, change: (first: string) => string): string {
  const first = Array.from(text)[0] ?? "";
  return change(first) + text.slice(first.length);
}

function encodeUrl(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
