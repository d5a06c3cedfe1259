/**
 * One channel of `replication.channels`: its host and port, and what differs from the options of the group.
 *
 *     second: replica.example.org:2005
 *     third: { host: "r3.example.org:2005", authname: mirror, password: file:/etc/rookery/r3, ca: r3.pem, users: [alice] }
 *
 * As text, for the environment and the command line: `r3.example.org:2005;tls=required;users=alice bob`.
 */
import { InvalidValue, type Kind, type ParseContext } from "../../config/kind.ts";
import {
  boolean,
  byteSize,
  choice,
  hostPort,
  type HostPort,
  listOf,
  path,
  secret,
  text,
} from "../../config/kinds.ts";
import type { Secret } from "../../base/secret.ts";

export const transportChoice = choice("csync", "imap");
export const tlsChoice = choice("auto", "required", "off");
export const acknowledgeChoice = choice("local", "replica");

export interface ChannelSettings {
  readonly address: HostPort;
  /** undefined = as the group says. */
  readonly users?: readonly string[];
  readonly transport?: "csync" | "imap";
  readonly authname?: string;
  readonly password?: Secret;
  readonly tls?: "auto" | "required" | "off";
  readonly ca?: string;
  readonly serverName?: string;
  readonly compress?: boolean;
  readonly maxRateBytes?: number;
  readonly acknowledge?: "local" | "replica";
  readonly chain?: boolean;
}

interface Field {
  readonly setting: keyof ChannelSettings;
  parse(raw: unknown, context: ParseContext): unknown;
  print(value: never): unknown;
  readonly allowed: string;
}

function field<Value>(setting: keyof ChannelSettings, kind: Kind<Value, string>): Field {
  const { allowed } = kind;
  return {
    setting,
    allowed,
    parse: (raw, context) => kind.parse(raw, context),
    print: (value) => kind.print(value),
  };
}

const FIELDS: ReadonlyMap<string, Field> = new Map([
  ["host", field("address", hostPort)],
  ["users", field("users", listOf(text))],
  ["transport", field("transport", transportChoice)],
  ["authname", field("authname", text)],
  ["password", field("password", secret)],
  ["tls", field("tls", tlsChoice)],
  ["ca", field("ca", path)],
  ["server_name", field("serverName", text)],
  ["compress", field("compress", boolean)],
  ["max_rate", field("maxRateBytes", byteSize)],
  ["chain", field("chain", boolean)],
  ["acknowledge", field("acknowledge", acknowledgeChoice)],
]);

export const channelKind: Kind<ChannelSettings> = {
  name: "channel",
  allowed: `host:port, or a mapping of host and any of ${[...FIELDS.keys()].slice(1).join(", ")}`,
  suffix: "",
  // A password may stand in it.
  secret: true,
  schema: { type: ["string", "integer", "object"] },
  parse(raw, context) {
    const settings: Partial<Record<keyof ChannelSettings, unknown>> = {};
    for (const [name, value] of fieldsOf(raw)) {
      const known = FIELDS.get(name);
      if (known === undefined)
        throw new InvalidValue(`"${name}" is none of ${[...FIELDS.keys()].join(", ")}`);
      try {
        settings[known.setting] = known.parse(value, context);
      } catch (error) {
        if (!(error instanceof InvalidValue)) throw error;
        throw new InvalidValue(error.message === "" ? `${name} is not ${known.allowed}` : error.message);
      }
    }
    if (settings.address === undefined) throw new InvalidValue("host is missing");
    return settings as ChannelSettings;
  },
  print(value) {
    const printed = [...FIELDS].flatMap(([name, known]) => {
      const own = value[known.setting];
      return own === undefined ? [] : [[name, known.print(own as never)] as const];
    });
    return printed.length === 1 ? printed[0]?.[1] : Object.fromEntries(printed);
  },
};

function fieldsOf(raw: unknown): readonly (readonly [string, unknown])[] {
  if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) return Object.entries(raw);
  if (typeof raw !== "string") return [["host", raw]];
  const [host = "", ...more] = raw.split(";");
  return [
    ["host", host.trim()],
    ...more.map((item) => {
      const at = item.indexOf("=");
      const name = item.slice(0, Math.max(0, at)).trim();
      const value = item.slice(at + 1).trim();
      return [name, name === "users" ? value.split(/\s+/) : value] as const;
    }),
  ];
}
