import type { Config, ConfigEntry } from "./load.ts";
import type { JsonSchema } from "./kind.ts";
import { environmentName, type OptionGroup } from "./option.ts";

export interface ShownOption {
  readonly key: string;
  /** As an operator would write it; secrets are `*`; null = not set. */
  readonly value: unknown;
  readonly origin: string;
}

/** What `rookery config show` prints: every option with its value and where that comes from. */
export function showConfig(config: Config): ShownOption[] {
  return config.entries.map((entry) => ({
    key: `${entry.group}.${entry.key}`,
    value: printValue(entry),
    origin: entry.origin,
  }));
}

/** One line an option: `imap.idle_timeout = 30m    (default)`. */
export function printConfig(config: Config): string {
  const lines = showConfig(config).map(({ key, value, origin }) => ({
    text: `${key} = ${typeof value === "string" ? value : JSON.stringify(value)}`,
    origin,
  }));
  const width = Math.min(60, Math.max(0, ...lines.map(({ text }) => text.length)));
  return lines.map(({ text, origin }) => `${text.padEnd(width)}  (${origin})\n`).join("");
}

/** JSON Schema (2020-12) of the configuration file, for editors and `rookery config schema`. */
export function configSchema(groups: readonly OptionGroup[]): JsonSchema {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Rookery configuration",
    type: "object",
    additionalProperties: false,
    properties: Object.fromEntries(groups.map((group) => [group.name, groupSchema(group)])),
  };
}

function groupSchema(group: OptionGroup): JsonSchema {
  const properties = Object.entries(group.options).map(([key, { kind, sentence, default: fallback }]) => [
    key,
    {
      ...kind.schema,
      description: `${sentence} Expected: ${kind.allowed}. Environment: ${environmentName(group.name, key)}.`,
      ...(fallback === undefined ? {} : { default: fallback }),
    },
  ]);
  return {
    type: ["object", "null"],
    description: group.sentence,
    additionalProperties: false,
    properties: Object.fromEntries(properties) as JsonSchema,
  };
}

function printValue({ option, value }: ConfigEntry): unknown {
  if (value === undefined) return null;
  // The value came out of this very kind's parse.
  return option.kind.print(value as never);
}
