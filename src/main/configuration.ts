/** Finds and reads the configuration of a command: file, environment, command line. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { AdminError } from "../admin/failure.ts";
import { type Config, ConfigError, loadConfig } from "../config/load.ts";
import { nodeOptions } from "./node-options.ts";
import { optionGroups } from "./option-groups.ts";

/** Read when neither --config nor --data nor ROOKERY_CONFIG says otherwise, and it is there. */
export const SYSTEM_CONFIG_FILE = "/etc/rookery/rookery.yaml";

/** ROOKERY_… names of the environment that are no options. */
const OTHER_ENVIRONMENT_NAMES = ["ROOKERY_CONFIG", "ROOKERY_CORPUS"];

/** Options that every command has. */
export interface CommonFlags {
  readonly data?: string;
  readonly config?: string;
  /** `group.key=value`, stronger than file and environment. */
  readonly set?: readonly string[];
  readonly json?: boolean;
}

export interface ConfigurationDefaults {
  /** False for `up`: a demo must not start on the machine's real configuration by accident. */
  readonly systemFile: boolean;
  /** Weaker than --set, stronger than the rest. */
  readonly overrides?: Readonly<Record<string, string>>;
}

export interface Configuration {
  readonly config: Config;
  /** undefined = none was read. */
  readonly file: string | undefined;
}

/** @throws ConfigError with every problem; AdminError when the named file is not readable */
export function readConfiguration(flags: CommonFlags, defaults: ConfigurationDefaults): Configuration {
  const file = findFile(flags, defaults);
  const config = loadConfig(optionGroups, {
    folder: process.cwd(),
    environment: process.env,
    otherEnvironmentNames: OTHER_ENVIRONMENT_NAMES,
    overrides: {
      ...defaults.overrides,
      ...(flags.data === undefined ? {} : { "node.data_folder": resolve(flags.data) }),
      ...parseAssignments(flags.set ?? []),
    },
    readText: (path) => readFileSync(path, "utf8"),
    file: file === undefined ? undefined : { path: file, text: readFile(file) },
  });
  refuseFileAsFolder(config);
  return { config, file };
}

function refuseFileAsFolder(config: Config): void {
  const { dataFolder } = config.get(nodeOptions);
  const found = statSync(dataFolder, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return;
  const entry = config.entries.find(({ group, key }) => group === "node" && key === "data_folder");
  throw new ConfigError([
    {
      key: "node.data_folder",
      origin: entry?.origin ?? "default",
      message: `"${dataFolder}" is a file, not a folder: name a folder, or one to be made`,
    },
  ]);
}

function findFile(flags: CommonFlags, { systemFile }: ConfigurationDefaults): string | undefined {
  const named = flags.config ?? process.env["ROOKERY_CONFIG"];
  if (named !== undefined && named !== "") return resolve(named);
  return systemFile && flags.data === undefined && existsSync(SYSTEM_CONFIG_FILE)
    ? SYSTEM_CONFIG_FILE
    : undefined;
}

function readFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new AdminError("argument_invalid", `cannot read the configuration file "${path}"`, {
      cause: error,
      next: "Name a readable YAML file with --config, or leave it out to use the defaults.",
    });
  }
}

function parseAssignments(assignments: readonly string[]): Record<string, string> {
  const entries = assignments.map((assignment) => {
    const at = assignment.indexOf("=");
    if (at < 1) {
      throw new ConfigError([
        {
          key: assignment,
          origin: "command line",
          message: "expected GROUP.OPTION=VALUE, as in imap.idle_timeout=10m",
        },
      ]);
    }
    return [assignment.slice(0, at), assignment.slice(at + 1)] as const;
  });
  return Object.fromEntries(entries);
}
