/**
 * `/loggers` (S4.17): levels at run time, under the framework's names as well: `dmf` and what begins with it is the
 * migration's own room.
 */
import { LOG_LEVELS, type LogLevel, type Logs } from "../../base/log.ts";
import { MigrateError } from "../errors.ts";

export interface LoggerAnswer {
  readonly configuredLevel: string;
  readonly effectiveLevel: string;
}

const SHOWN: Record<LogLevel, string> = {
  trace: "TRACE",
  debug: "DEBUG",
  info: "INFO",
  warn: "WARN",
  error: "ERROR",
  silent: "OFF",
};
export const SHOWN_LEVELS = ["ALL", ...LOG_LEVELS.map((level) => SHOWN[level]), "NOT_SPECIFIED"];
const READ: ReadonlyMap<string, LogLevel> = new Map([
  ...LOG_LEVELS.map((level) => [SHOWN[level], level] as const),
  ["ALL", "trace"],
]);
const ROOT = "ROOT";
const MAX_NAME = 100;

export function listLoggers(logs: Logs): unknown {
  return {
    levels: SHOWN_LEVELS,
    loggers: Object.fromEntries([ROOT, ...logs.names].map((name) => [name, showLogger(logs, name)])),
  };
}

export function showLogger(logs: Logs, name: string): LoggerAnswer {
  const { configured, effective } = logs.level(own(name));
  return {
    configuredLevel: configured === undefined ? "NOT_SPECIFIED" : SHOWN[configured],
    effectiveLevel: SHOWN[effective],
  };
}

/** @throws MigrateError invalid */
export function setLogger(logs: Logs, name: string, configuredLevel: unknown): void {
  const logger = own(name);
  const asked = typeof configuredLevel === "string" ? configuredLevel.toUpperCase() : "";
  const level = READ.get(asked);
  if (level !== undefined && (logger?.length ?? 0) <= MAX_NAME) {
    logs.setLevel(level, logger);
    return;
  }
  if (asked !== "NOT_SPECIFIED" || logger === undefined) {
    throw new MigrateError("invalid", `configuredLevel is none of ${SHOWN_LEVELS.join(", ")}`);
  }
  logs.resetLevel(logger);
}

/** undefined = all. */
function own(name: string): string | undefined {
  if (name.toUpperCase() === ROOT) return undefined;
  return name.replace(/^dmf(?:\.(?:worker|scheduler|doveadm))?(?=\.|$)/, "migrate");
}
