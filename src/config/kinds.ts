import { isAbsolute, join } from "node:path";
import { NetworkList } from "../base/networks.ts";
import { Secret } from "../base/secret.ts";
import { InvalidValue, type Kind, type ParseContext } from "./kind.ts";
import { parseScaled, printScaled } from "./scaled.ts";

const DURATION_UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const SIZE_UNITS = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
/** Suffixes read besides the ones printed: 64K and 64KB mean KiB, as Cyrus and Dovecot read them. */
const SIZE_ALIASES = { K: "KiB", KB: "KiB", M: "MiB", MB: "MiB", G: "GiB", GB: "GiB", T: "TiB", TB: "TiB" };

/** Settings hold milliseconds. */
export const duration: Kind<number, "Ms"> = {
  name: "duration",
  allowed: "a duration such as 500ms, 30s, 10m, 2h or 7d (0 = none)",
  suffix: "Ms",
  secret: false,
  schema: { type: ["string", "integer"], pattern: "^\\d+(\\.\\d+)?(ms|s|m|h|d|w)$|^0$" },
  parse: (raw) => parseScaled(raw, DURATION_UNITS, {}),
  print: (value) => printScaled(value, DURATION_UNITS),
};

/** Settings hold bytes. */
export const byteSize: Kind<number, "Bytes"> = {
  name: "size",
  allowed: "a size such as 4096B, 64KiB, 50MiB or 2GiB (0 = none)",
  suffix: "Bytes",
  secret: false,
  schema: { type: ["string", "integer"], pattern: "^\\d+(\\.\\d+)?(B|KiB|MiB|GiB|TiB|[KMGT]B?)$|^0$" },
  parse: (raw) => parseScaled(raw, SIZE_UNITS, SIZE_ALIASES),
  print: (value) => printScaled(value, SIZE_UNITS),
};

/** A whole number in a range (both ends included). */
export function integerIn(min: number, max: number): Kind<number> {
  return {
    name: "integer",
    allowed:
      max === Number.MAX_SAFE_INTEGER ? `an integer from ${min} up` : `an integer from ${min} to ${max}`,
    suffix: "",
    secret: false,
    schema: { type: "integer", minimum: min, ...(max === Number.MAX_SAFE_INTEGER ? {} : { maximum: max }) },
    parse(raw) {
      const value = typeof raw === "string" && /^-?\d+$/.test(raw.trim()) ? Number(raw) : raw;
      if (typeof value !== "number" || !Number.isSafeInteger(value) || value < min || value > max) {
        throw new InvalidValue();
      }
      return value;
    },
    print: (value) => value,
  };
}
export const integer = integerIn(0, Number.MAX_SAFE_INTEGER);

const BOOLEAN_WORDS = new Map([
  ["yes", true],
  ["no", false],
  ["true", true],
  ["false", false],
  ["on", true],
  ["off", false],
]);
export const boolean: Kind<boolean> = {
  name: "boolean",
  allowed: "yes or no",
  suffix: "",
  secret: false,
  schema: { type: ["boolean", "string"], enum: [true, false, ...BOOLEAN_WORDS.keys()] },
  parse(raw) {
    const value = typeof raw === "string" ? BOOLEAN_WORDS.get(raw.trim().toLowerCase()) : raw;
    if (typeof value !== "boolean") throw new InvalidValue();
    return value;
  },
  print: (value) => value,
};

export const text: Kind<string> = {
  name: "text",
  allowed: "a text",
  suffix: "",
  secret: false,
  schema: { type: "string" },
  parse(raw) {
    if (typeof raw === "number" || typeof raw === "boolean") return String(raw);
    if (typeof raw !== "string") throw new InvalidValue();
    return raw;
  },
  print: (value) => value,
};

/** Settings hold an absolute path. */
export const path: Kind<string> = {
  ...text,
  name: "path",
  allowed: "a path (relative ones start at the configuration file's folder)",
  parse(raw, context) {
    if (typeof raw !== "string" || raw === "" || raw.includes("\0")) throw new InvalidValue();
    return isAbsolute(raw) ? raw : join(context.folder, raw);
  },
};

export function choice<const Word extends string>(...words: readonly Word[]): Kind<Word> {
  return {
    name: "choice",
    allowed: words.length === 1 ? `"${words[0]}"` : `one of ${words.join(", ")}`,
    suffix: "",
    secret: false,
    schema: { type: "string", enum: words },
    parse(raw) {
      const word = words.find((candidate) => candidate === String(raw));
      if (word === undefined) throw new InvalidValue();
      return word;
    },
    print: (value) => value,
  };
}

/** `host` "" = every address of the machine. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}
export const hostPort: Kind<HostPort> = {
  name: "host:port",
  allowed: "host:port, [IPv6]:port, *:port or a port from 0 to 65535",
  suffix: "",
  secret: false,
  schema: { type: ["string", "integer"] },
  parse(raw) {
    const match = /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]*)):)?(\d{1,5})$/.exec(String(raw));
    const port = Number(match?.[3]);
    if (match === null || port > 65_535 || (typeof raw !== "string" && typeof raw !== "number")) {
      throw new InvalidValue();
    }
    const host = match[1] ?? match[2] ?? "";
    return { host: host === "*" ? "" : host, port };
  },
  print: ({ host, port }) => `${host === "" ? "*" : host.includes(":") ? `[${host}]` : host}:${String(port)}`,
};

export const networkList: Kind<NetworkList> = {
  name: "networks",
  allowed: "a list of networks such as 10.0.0.0/8, 2001:db8::/32 or 127.0.0.1",
  suffix: "",
  secret: false,
  schema: { type: ["string", "array"], items: { type: "string" } },
  parse(raw) {
    try {
      return new NetworkList(toItems(raw).map(String));
    } catch (error) {
      throw new InvalidValue(error instanceof RangeError ? error.message : "");
    }
  },
  print: (value) => value.toJSON(),
};

/**
 * A secret: the value itself, or where it is: `file:/run/secret`, `env:NAME`
 * (in YAML also `{ file: … }` and `{ env: … }`). Read at start, never printed.
 */
export const secret: Kind<Secret> = {
  name: "secret",
  allowed: "the secret itself, file:PATH or env:NAME",
  suffix: "",
  secret: true,
  schema: { type: ["string", "object"] },
  parse(raw, context) {
    const source = secretSource(raw);
    if (source.from === "file") return readSecret(source.value, context);
    if (source.from === "value") return new Secret(source.value);
    const value = context.environment[source.value];
    if (value === undefined) throw new InvalidValue(`environment variable ${source.value} is not set`);
    return new Secret(value);
  },
  print: () => "*",
};

/** The path of a file that holds a secret; the last newline is not part of it. */
export const secretFile: Kind<Secret> = {
  ...secret,
  name: "secret file",
  allowed: "the path of a readable file",
  schema: { type: "string" },
  parse(raw, context) {
    if (typeof raw !== "string" || raw === "") throw new InvalidValue();
    return readSecret(raw, context);
  },
};

/** In YAML a sequence; as text the items stand between commas. */
export function listOf<Value>(kind: Kind<Value, string>): Kind<readonly Value[]> {
  return {
    name: `list of ${kind.name}`,
    allowed: `a list, each ${kind.allowed}`,
    suffix: "",
    secret: kind.secret,
    schema: { type: ["array", "string"], items: kind.schema },
    parse: (raw, context) => toItems(raw).map((item) => parseItem(kind, item, context)),
    print: (values) => values.map((value) => kind.print(value)),
  };
}

/** In YAML a mapping; as text `name=value` pairs between commas. */
export function mapOf<Value>(kind: Kind<Value, string>): Kind<ReadonlyMap<string, Value>> {
  return {
    name: `map of ${kind.name}`,
    allowed: `a mapping of names, each to ${kind.allowed}`,
    suffix: "",
    secret: kind.secret,
    schema: { type: ["object", "string"], additionalProperties: kind.schema },
    parse(raw, context) {
      const pairs =
        typeof raw === "object" && raw !== null && !Array.isArray(raw)
          ? Object.entries(raw)
          : toItems(raw).map((item) => splitPair(String(item)));
      return new Map(pairs.map(([name, item]) => [name, parseItem(kind, item, context)]));
    },
    print: (values) => Object.fromEntries([...values].map(([name, value]) => [name, kind.print(value)])),
  };
}

function parseItem<Value>(kind: Kind<Value, string>, item: unknown, context: ParseContext): Value {
  try {
    return kind.parse(item, context);
  } catch (error) {
    if (!(error instanceof InvalidValue) || error.message !== "" || kind.secret) throw error;
    throw new InvalidValue(`item ${JSON.stringify(item)} is refused`);
  }
}

function splitPair(item: string): [string, string] {
  const at = item.indexOf("=");
  if (at < 1) throw new InvalidValue(`"${item}" is no name=value pair`);
  return [item.slice(0, at).trim(), item.slice(at + 1).trim()];
}

function toItems(raw: unknown): unknown[] {
  if (Array.isArray(raw)) return raw;
  if (typeof raw === "number") return [raw];
  if (typeof raw !== "string") throw new InvalidValue();
  return raw
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function secretSource(raw: unknown): { from: "file" | "env" | "value"; value: string } {
  if (typeof raw === "number") return { from: "value", value: String(raw) };
  if (typeof raw === "string") {
    const match = /^(file|env):(.+)$/s.exec(raw);
    return match === null
      ? { from: "value", value: raw }
      : { from: match[1] === "file" ? "file" : "env", value: match[2] ?? "" };
  }
  if (typeof raw !== "object" || raw === null) throw new InvalidValue();
  const [entry, ...more] = Object.entries(raw);
  if (entry === undefined || more.length > 0 || typeof entry[1] !== "string") throw new InvalidValue();
  if (entry[0] !== "file" && entry[0] !== "env") throw new InvalidValue();
  return { from: entry[0], value: entry[1] };
}

function readSecret(file: string, context: ParseContext): Secret {
  const full = isAbsolute(file) ? file : join(context.folder, file);
  try {
    return new Secret(context.readText(full).replace(/\r?\n$/, ""));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new InvalidValue(`could not read "${full}" (${code})`);
  }
}
