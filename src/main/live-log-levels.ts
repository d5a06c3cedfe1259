/**
 * Log levels follow the configuration while the node runs: on SIGHUP, and within a minute of a change of the file. What
 * else stands in it waits for the next start.
 */
import { statSync } from "node:fs";
import { type Clock, systemClock, type Timer } from "../base/io/clock.ts";
import type { Log, LogLevel, Logs } from "../base/log.ts";
import { logOptions, type LogOptionSettings } from "../config/log-options.ts";
import type { Configuration } from "./configuration.ts";

const WATCH_INTERVAL_MS = 60_000;

type Levels = Pick<LogOptionSettings, "level" | "levels">;

export interface LiveLogLevelsParts {
  readonly logs: Logs;
  readonly log: Log;
  /** undefined = the node runs without one. */
  readonly file: string | undefined;
  /** Reads the whole configuration anew. @throws ConfigError, AdminError */
  readonly read: () => Levels;
  readonly clock: Clock;
}

export class LiveLogLevels {
  readonly #parts: LiveLogLevelsParts;
  #current: Levels;
  #fingerprint: string;
  #timer: Timer | undefined;

  /** @param current the levels that the logs were opened with */
  constructor(parts: LiveLogLevelsParts, current: Levels) {
    this.#parts = parts;
    this.#current = current;
    this.#fingerprint = fingerprintOf(parts.file);
  }

  watch(): void {
    if (this.#parts.file === undefined) return;
    this.#timer = this.#parts.clock.setTimer(WATCH_INTERVAL_MS, () => {
      if (fingerprintOf(this.#parts.file) !== this.#fingerprint) this.reread();
      this.watch();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** A configuration that cannot be read is logged, and the levels stay. */
  reread(): void {
    const { logs, log, file, read } = this.#parts;
    this.#fingerprint = fingerprintOf(file);
    let next: Levels;
    try {
      next = read();
    } catch (error) {
      log.error("configuration not read again, the log levels stay", { file, err: error });
      return;
    }
    const changes = changesOf(this.#current, next);
    // What was set at run time by other means stays unless the file says something new about it.
    if (next.level !== this.#current.level) logs.setLevel(next.level);
    for (const [name, level] of changes) {
      if (level === undefined) logs.resetLevel(name);
      else logs.setLevel(level, name);
    }
    this.#current = next;
    const changed = Object.fromEntries([...changes].map(([name, level]) => [name, level ?? next.level]));
    log.info("log levels read again", { all: next.level, changed });
  }
}

/** For a command that runs a node: what SIGHUP does, besides what the node itself reads again. */
export function followLogLevels(
  node: { readonly logs: Logs; readonly log: Log; reload(): void },
  { config, file }: Configuration,
  read: () => Configuration,
): () => void {
  const levels = new LiveLogLevels(
    {
      logs: node.logs,
      log: node.log,
      file,
      read: () => read().config.get(logOptions),
      clock: systemClock,
    },
    config.get(logOptions),
  );
  levels.watch();
  return () => {
    node.reload();
    levels.reread();
  };
}

/** Loggers whose own level is another one now; undefined = it has none any more. */
function changesOf(before: Levels, after: Levels): Map<string, LogLevel | undefined> {
  const changes = new Map<string, LogLevel | undefined>();
  for (const name of before.levels.keys()) if (!after.levels.has(name)) changes.set(name, undefined);
  for (const [name, level] of after.levels) if (before.levels.get(name) !== level) changes.set(name, level);
  return changes;
}

function fingerprintOf(file: string | undefined): string {
  const found = file === undefined ? undefined : statSync(file, { throwIfNoEntry: false });
  return found === undefined ? "" : `${found.mtimeMs}/${found.size}/${found.ino}`;
}
