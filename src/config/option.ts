/**
 * Options are declared once, beside the code that uses them:
 *
 *     export const imapOptions = optionGroup("imap", "IMAP server.", {
 *       idle_timeout: option(duration, "30m", "How long a session may be silent before it is closed."),
 *     });
 *     export type ImapSettings = SettingsOf<typeof imapOptions>; // { readonly idleTimeoutMs: number }
 *
 * The configuration file, the environment name (`ROOKERY_IMAP_IDLE_TIMEOUT`), validation, `rookery config show`
 * and docs/configuration.md all come from that. Every group stands in src/main/option-groups.ts.
 */
import { assert } from "../base/assert.ts";
import type { Kind } from "./kind.ts";

export interface Option<Value = unknown, Suffix extends string = string> {
  readonly kind: Kind<Value, Suffix>;
  /** As an operator would write it; undefined = not set. */
  readonly default: unknown;
  readonly sentence: string;
}

/** Without a default (undefined) the setting may be undefined. */
export function option<Value, Suffix extends string>(
  kind: Kind<Value, Suffix>,
  fallback: undefined,
  sentence: string,
): Option<Value | undefined, Suffix>;
export function option<Value, Suffix extends string>(
  kind: Kind<Value, Suffix>,
  fallback: string | number | boolean | readonly string[] | Readonly<Record<string, string>>,
  sentence: string,
): Option<Value, Suffix>;
export function option(kind: Kind<unknown>, fallback: unknown, sentence: string): Option {
  assert(/^[A-Z].*[.)]$/s.test(sentence), `option text is not a sentence: "${sentence}"`);
  return { kind, default: fallback, sentence };
}

export interface OptionGroup<Options extends OptionTable = OptionTable> {
  readonly name: string;
  readonly sentence: string;
  readonly options: Options;
}
// The kinds of a table differ in their value types, which appear in both directions: `never` in, `unknown` out.
export type OptionTable = Readonly<Record<string, AnyOption>>;
export interface AnyOption {
  readonly kind: AnyKind;
  readonly default: unknown;
  readonly sentence: string;
}
interface AnyKind extends Omit<Kind<unknown, string>, "print"> {
  print(value: never): unknown;
}

export function optionGroup<const Name extends string, Options extends OptionTable>(
  name: Name,
  sentence: string,
  options: Options,
): OptionGroup<Options> & { readonly name: Name } {
  assert(/^[a-z][a-z0-9]*$/.test(name), `group name "${name}" is not one lower-case word`);
  for (const key of Object.keys(options)) {
    assert(/^[a-z][a-z0-9]*(_[a-z0-9]+)*$/.test(key), `option name "${name}.${key}" is not snake_case`);
  }
  return { name, sentence, options };
}

type CamelCase<Key extends string> = Key extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Key;
type SuffixOf<Entry> = Entry extends { readonly kind: { readonly suffix: infer Suffix extends string } }
  ? Suffix
  : "";
type ValueOf<Entry> = Entry extends Option<infer Value> ? Value : never;

/** The resolved settings of a group: camelCase names, units last. */
export type SettingsOf<Group extends OptionGroup> = {
  readonly [
    Key in keyof Group["options"] & string as `${CamelCase<Key>}${SuffixOf<Group["options"][Key]>}`
  ]: ValueOf<Group["options"][Key]>;
};

/** `idle_timeout` of kind duration → `idleTimeoutMs`. */
export function settingName(key: string, kind: { readonly suffix: string }): string {
  return key.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()) + kind.suffix;
}

/** `ROOKERY_IMAP_IDLE_TIMEOUT`. */
export function environmentName(group: string, key: string): string {
  return `ROOKERY_${group}_${key}`.toUpperCase();
}
