/**
 * Reads settings from, weakest first: the options' defaults, the YAML file, the environment, the command line.
 * All bad and unknown names are reported together, so that an operator mends a file in one go.
 */
import { dirname } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument, type YAMLMap } from "yaml";
import { assert } from "../base/assert.ts";
import { InvalidValue, type ParseContext } from "./kind.ts";
import { type AnyOption, environmentName, type OptionGroup, settingName, type SettingsOf } from "./option.ts";
import { suggest } from "./suggest.ts";

export interface ConfigSources {
  /** The configuration file; undefined = none. */
  readonly file?: { readonly path: string; readonly text: string } | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** ROOKERY_… names that are no options (ROOKERY_CONFIG and the like). */
  readonly otherEnvironmentNames?: readonly string[];
  /** From the command line: "imap.idle_timeout" → "10m". */
  readonly overrides?: Readonly<Record<string, string>>;
  /** Reads secrets' files. @throws the Node error of the failed read */
  readonly readText: (path: string) => string;
  /** Relative paths outside the file start here. */
  readonly folder: string;
}

export interface ConfigProblem {
  /** "imap.idle_timeout"; for the environment the variable's name. */
  readonly key: string;
  readonly origin: string;
  readonly message: string;
}

/** Every problem of the configuration, one line each. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(({ key, origin, message }) => `${key} (${origin}): ${message}`).join("\n"));
    this.problems = problems;
  }
}

/** One resolved option: where its value comes from and how it prints. */
export interface ConfigEntry {
  readonly group: string;
  readonly key: string;
  readonly option: AnyOption;
  readonly value: unknown;
  /** "default", "rookery.yaml:12", "environment ROOKERY_IMAP_IDLE_TIMEOUT" or "command line". */
  readonly origin: string;
}

export class Config {
  readonly entries: readonly ConfigEntry[];
  readonly #settings = new Map<string, Record<string, unknown>>();

  constructor(entries: readonly ConfigEntry[]) {
    this.entries = entries;
    for (const { group, key, option, value } of entries) {
      const settings = this.#settings.get(group) ?? {};
      settings[settingName(key, option.kind)] = value;
      this.#settings.set(group, settings);
    }
  }

  /** The settings of a group that was among the loaded ones. */
  get<Group extends OptionGroup>(group: Group): SettingsOf<Group> {
    const settings = this.#settings.get(group.name);
    assert(
      settings !== undefined || Object.keys(group.options).length === 0,
      `group ${group.name} not loaded`,
    );
    return (settings ?? {}) as SettingsOf<Group>;
  }
}

interface RawValue {
  readonly raw: unknown;
  readonly origin: string;
  readonly folder: string;
}

/** @throws ConfigError with every problem found */
export function loadConfig(groups: readonly OptionGroup[], sources: ConfigSources): Config {
  const problems: ConfigProblem[] = [];
  const known = new Map<string, AnyOption>();
  for (const group of groups) {
    for (const [key, declared] of Object.entries(group.options)) {
      assert(!known.has(`${group.name}.${key}`), `option ${group.name}.${key} is declared twice`);
      known.set(`${group.name}.${key}`, declared);
    }
  }
  const given = new Map<string, RawValue>();
  readFile(groups, known, sources, given, problems);
  readEnvironment(known, sources, given, problems);
  readOverrides(known, sources, given, problems);

  const entries: ConfigEntry[] = [];
  for (const [name, declared] of known) {
    const [group = "", key = ""] = name.split(".");
    const { raw, origin, folder } = given.get(name) ?? {
      raw: declared.default,
      origin: "default",
      folder: sources.folder,
    };
    const context = { folder, environment: sources.environment ?? {}, readText: sources.readText };
    const value = parseValue(name, declared, raw, origin, context, problems);
    entries.push({ group, key, option: declared, value, origin });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return new Config(entries);
}

function parseValue(
  key: string,
  { kind }: AnyOption,
  raw: unknown,
  origin: string,
  context: ParseContext,
  problems: ConfigProblem[],
): unknown {
  if (raw === undefined || raw === null) return undefined;
  try {
    return kind.parse(raw, context);
  } catch (error) {
    if (!(error instanceof InvalidValue)) throw error;
    assert(origin !== "default" || kind.secret, `default of ${key} is not ${kind.allowed}`);
    const shown = kind.secret ? "the value" : JSON.stringify(raw);
    const why = error.message === "" ? "" : ` (${error.message})`;
    problems.push({ key, origin, message: `${shown} is refused${why}: expected ${kind.allowed}` });
    return undefined;
  }
}

function readFile(
  groups: readonly OptionGroup[],
  known: ReadonlyMap<string, AnyOption>,
  { file }: ConfigSources,
  given: Map<string, RawValue>,
  problems: ConfigProblem[],
): void {
  if (file === undefined) return;
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines });
  const originAt = (offset: number): string => `${file.path}:${lines.linePos(offset).line}`;
  for (const error of document.errors) {
    // The first line names what is wrong; the rest repeats the source, which may hold a secret.
    const message = error.message.split(/ at line |\n/)[0] ?? "";
    problems.push({ key: "YAML", origin: originAt(error.pos[0]), message });
  }
  if (problems.length > 0 || document.contents === null) return;
  if (!isMap(document.contents)) {
    problems.push({ key: "YAML", origin: originAt(0), message: "expected a mapping of groups" });
    return;
  }
  for (const { name: groupName, node, offset } of pairsOf(document.contents)) {
    const origin = originAt(offset);
    if (!groups.some((group) => group.name === groupName)) {
      const names = groups.map((group) => group.name);
      problems.push({ key: groupName, origin, message: `unknown group${didYouMean(groupName, names)}` });
      continue;
    }
    if (isScalar(node) && node.value === null) continue;
    if (!isMap(node)) {
      problems.push({ key: groupName, origin, message: "expected a mapping of options" });
      continue;
    }
    for (const { name, node: valueNode, offset: at } of pairsOf(node)) {
      const key = `${groupName}.${name}`;
      if (!known.has(key)) {
        problems.push({
          key,
          origin: originAt(at),
          message: `unknown option${didYouMean(key, known.keys())}`,
        });
        continue;
      }
      const raw: unknown = isNode(valueNode) ? valueNode.toJS(document) : undefined;
      given.set(key, { raw, origin: originAt(at), folder: dirname(file.path) });
    }
  }
}

function* pairsOf(map: YAMLMap): Generator<{ name: string; node: unknown; offset: number }> {
  for (const { key, value } of map.items) {
    const scalar = isScalar(key) ? key : undefined;
    const name = typeof scalar?.value === "string" ? scalar.value : JSON.stringify(scalar?.value ?? "");
    yield { name, node: value, offset: scalar?.range?.[0] ?? 0 };
  }
}

function isNode(value: unknown): value is { toJS(document: unknown): unknown } {
  return typeof value === "object" && value !== null && "toJS" in value;
}

function readEnvironment(
  known: ReadonlyMap<string, AnyOption>,
  { environment = {}, otherEnvironmentNames = [], folder }: ConfigSources,
  given: Map<string, RawValue>,
  problems: ConfigProblem[],
): void {
  const byVariable = new Map<string, string>();
  for (const name of known.keys()) {
    const [group = "", key = ""] = name.split(".");
    byVariable.set(environmentName(group, key), name);
  }
  for (const [variable, raw] of Object.entries(environment)) {
    if (!variable.startsWith("ROOKERY_") || raw === undefined || otherEnvironmentNames.includes(variable))
      continue;
    const name = byVariable.get(variable);
    if (name === undefined) {
      const message = `unknown option${didYouMean(variable, byVariable.keys())}`;
      problems.push({ key: variable, origin: "environment", message });
      continue;
    }
    given.set(name, { raw, origin: `environment ${variable}`, folder });
  }
}

function readOverrides(
  known: ReadonlyMap<string, AnyOption>,
  { overrides = {}, folder }: ConfigSources,
  given: Map<string, RawValue>,
  problems: ConfigProblem[],
): void {
  for (const [name, raw] of Object.entries(overrides)) {
    if (known.has(name)) given.set(name, { raw, origin: "command line", folder });
    else {
      const message = `unknown option${didYouMean(name, known.keys())}`;
      problems.push({ key: name, origin: "command line", message });
    }
  }
}

function didYouMean(name: string, known: Iterable<string>): string {
  const closest = suggest(name, known);
  return closest === undefined ? "" : `; did you mean ${closest}?`;
}
