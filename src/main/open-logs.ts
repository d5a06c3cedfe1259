import { type LogLevel, Logs } from "../base/log.ts";
import type { LogOptionSettings } from "../config/log-options.ts";

const STANDARD_STREAMS: ReadonlyMap<string, 1 | 2> = new Map([
  ["stdout", 1],
  ["stderr", 2],
]);

/** @param level stands in for the configured one, for commands that open the store themselves */
export function openLogs(settings: LogOptionSettings, level: LogLevel = settings.level): Logs {
  const stream = STANDARD_STREAMS.get(settings.destination);
  const terminal = stream === 1 ? process.stdout.isTTY : stream === 2 && process.stderr.isTTY;
  return new Logs({
    level,
    levels: settings.levels,
    format: settings.format === "auto" ? (terminal ? "pretty" : "json") : settings.format,
    destination: stream ?? settings.destination,
  });
}
