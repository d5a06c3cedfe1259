/** JSON Schema of one value, as `config schema` prints it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What parsing a value may need of the outside. */
export interface ParseContext {
  /** Relative paths are resolved against it: the configuration file's folder, else the working directory. */
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** @throws the Node error of the failed read */
  readText(path: string): string;
}

/**
 * The type of an option's values: how they are written, read and shown.
 * `Suffix` is appended to the setting's name in code, so that units show: `idle_timeout` → `idleTimeoutMs`.
 */
export interface Kind<Value, Suffix extends string = ""> {
  readonly name: string;
  /** Completes "expected …": "a duration such as 30s, 10m, 2h or 7d". */
  readonly allowed: string;
  readonly suffix: Suffix;
  readonly secret: boolean;
  readonly schema: JsonSchema;
  /** `raw` is text (environment, command line) or what YAML made of it. @throws InvalidValue */
  parse(raw: unknown, context: ParseContext): Value;
  /** As an operator would write it. Secrets give `*`. */
  print(value: Value): unknown;
}

/** Why a value is refused; without a message the kind's `allowed` says all. */
export class InvalidValue extends Error {
  override name = "InvalidValue";
}
