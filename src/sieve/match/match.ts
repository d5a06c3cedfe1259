/**
 * One match of values against keys: comparator, match type, keys. RFC 5228 §2.7, RFC 5231 (:count, :value), RFC 5229
 * (match values), draft-ietf-sieve-regex.
 */
import { SieveRuntimeError, SieveSyntaxError } from "../errors.ts";
import type { Scope } from "../compiler.ts";
import type { Run } from "../run.ts";
import type { BoundArguments, TagSpec } from "../signature.ts";
import type { Template } from "../template.ts";
import { comparators, type Comparator } from "./comparator.ts";
import { matchGlob, parseGlob } from "./glob.ts";
import { SieveRegex } from "./regex.ts";

/** Tags of every test that matches. */
export const matchTags: Readonly<Record<string, TagSpec>> = {
  comparator: { value: "string" },
  is: { group: "match" },
  contains: { group: "match" },
  matches: { group: "match" },
  regex: { group: "match", capability: "regex" },
  value: { group: "match", value: "string", capability: "relational" },
  count: { group: "match", value: "string", capability: "relational" },
  list: { group: "match", capability: "extlists" },
};

/** True when one of `values` matches one of `keys`; sets the match variables. */
export type Matcher = (run: Run, values: readonly string[]) => boolean;

const RELATIONS: Readonly<Record<string, (order: number) => boolean>> = {
  gt: (order) => order > 0,
  ge: (order) => order >= 0,
  lt: (order) => order < 0,
  le: (order) => order <= 0,
  eq: (order) => order === 0,
  ne: (order) => order !== 0,
};

/** @throws SieveSyntaxError for an unknown comparator, relation or a bad constant expression */
export function compileMatcher(args: BoundArguments, scope: Scope, keyTexts: readonly string[]): Matcher {
  const type = args.chosen("match") ?? "is";
  const comparator = findComparator(args, scope);
  const keys = scope.templates(keyTexts, args.position);
  if (!comparator.substring && ["contains", "matches", "regex"].includes(type)) {
    throw new SieveSyntaxError(args.position, `${comparator.name} cannot be used with :${type}`);
  }
  switch (type) {
    case "contains":
      return someFolded(keys, comparator, (value, key) => value.includes(key));
    case "matches":
      return matchWildcards(keys, comparator);
    case "regex":
      return matchRegex(keys, comparator, args, scope);
    case "value":
      return some(
        keys,
        relation(args, (value, key) => comparator.compare(value, key)),
      );
    case "count":
      return countValues(
        keys,
        relation(args, (value, key) => comparator.compare(value, key)),
      );
    case "list":
      return (run, values) =>
        values.some((value) => keys.some((key) => run.environment.listContains(key(run), value) === true));
    default:
      return someFolded(keys, comparator, (value, key) => value === key);
  }
}

function findComparator(args: BoundArguments, scope: Scope): Comparator {
  const name = args.tagString("comparator") ?? "i;ascii-casemap";
  const comparator = comparators.get(name);
  if (comparator === undefined) throw new SieveSyntaxError(args.position, `unknown comparator "${name}"`);
  if (!scope.isRequired(`comparator-${name}`)) {
    throw new SieveSyntaxError(args.position, `the comparator needs require "comparator-${name}"`);
  }
  return comparator;
}

function some(keys: readonly Template[], matches: (value: string, key: string) => boolean): Matcher {
  return (run, values) => {
    const wanted = keys.map((key) => key(run));
    return values.some((value) => wanted.some((key) => (run.step(), matches(value, key))));
  };
}

/** Each value is folded once, a key only when it is another text than last time. */
function someFolded(
  keys: readonly Template[],
  comparator: Comparator,
  matches: (value: string, key: string) => boolean,
): Matcher {
  const fold = keys.map((key) => remembering(key, (text) => comparator.fold(text)));
  return (run, values) => {
    for (const value of values) {
      const folded = comparator.fold(value);
      for (const key of fold) {
        run.step();
        if (matches(folded, key(run))) return true;
      }
    }
    return false;
  };
}

/** What is made of a key, kept for as long as the key is the same: for most scripts for ever. */
function remembering<Made>(key: Template, make: (text: string) => Made): (run: Run) => Made {
  let known: { readonly text: string; readonly made: Made } | undefined;
  return (run) => {
    const text = key(run);
    if (known?.text !== text) known = { text, made: make(text) };
    return known.made;
  };
}

function relation(
  args: BoundArguments,
  compare: (value: string, key: string) => number,
): (value: string, key: string) => boolean {
  const name = (args.tagString("value") ?? args.tagString("count") ?? "").toLowerCase();
  const holds = RELATIONS[name];
  if (holds === undefined) throw new SieveSyntaxError(args.position, `unknown relation "${name}"`);
  return (value, key) => holds(compare(value, key));
}

/** RFC 5231 §4.2: compares how many values there are. */
function countValues(keys: readonly Template[], matches: (value: string, key: string) => boolean): Matcher {
  return (run, values) => {
    run.step();
    return keys.some((key) => matches(String(values.length), key(run)));
  };
}

function matchWildcards(keys: readonly Template[], comparator: Comparator): Matcher {
  const glob = keys.map((key) => remembering(key, (text) => parseGlob(comparator.fold(text))));
  return (run, values) => {
    if (values.length === 0) return false;
    const globs = glob.map((make) => make(run));
    for (const value of values) {
      for (const glob of globs) {
        run.step();
        const taken = matchGlob(glob, comparator.fold(value), value);
        if (taken === undefined) continue;
        run.matches = [value, ...taken];
        return true;
      }
    }
    return false;
  };
}

function matchRegex(
  keys: readonly Template[],
  comparator: Comparator,
  args: BoundArguments,
  scope: Scope,
): Matcher {
  const build = (pattern: string) => new SieveRegex(pattern, comparator.ignoresCase);
  // Constant expressions are checked with the script, those with variables when they are known.
  const variable = scope.isRequired("variables");
  const ready = keys.map((key) => {
    const text = variable ? undefined : key(NO_RUN);
    if (text === undefined) return remembering(key, (pattern) => atRunTime(() => build(pattern)));
    try {
      const regex = build(text);
      return () => regex;
    } catch (error) {
      throw new SieveSyntaxError(args.position, `bad regular expression: ${(error as Error).message}`);
    }
  });
  return (run, values) => {
    if (values.length === 0) return false;
    const expressions = ready.map((make) => make(run));
    for (const value of values) {
      for (const expression of expressions) {
        run.step();
        const groups = expression.exec(value);
        if (groups === undefined) continue;
        run.matches = groups;
        return true;
      }
    }
    return false;
  };
}

// A template without variables never looks at the run.
const NO_RUN = undefined as unknown as Run;

function atRunTime<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw new SieveRuntimeError(`bad regular expression: ${(error as Error).message}`, { cause: error });
  }
}
