/**
 * Structured logs: one JSON line an event on a machine, readable lines on a terminal.
 * Loggers are named after their room; each can have its own level, also changed at run time.
 * Values of `Secret` and fields with the name of a secret come out as `*`.
 */
import { destination as openDestination, type Logger, pino, stdSerializers } from "pino";
import { opushLine } from "./log-opush.ts";
import { prettyLine } from "./log-pretty.ts";

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Fields of an event. An error goes under `err`: it is written with its stack and causes. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  trace(event: string, fields?: LogFields): void;
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** For building costly fields only when somebody reads them. */
  enabled(level: LogLevel): boolean;
}

export interface LogSettings {
  readonly level: LogLevel;
  /** Room name → level where it differs from `level`. */
  readonly levels?: ReadonlyMap<string, LogLevel>;
  readonly format: "json" | "pretty" | "opush";
  /** A file descriptor, a path (appended to; reopened by `Logs.reopen`), or a receiver of whole lines. */
  readonly destination: number | string | ((line: string) => void);
}

/** Lines waiting for a slow terminal or disk; above it the newest are dropped rather than memory filled. */
const MAX_BUFFERED_BYTES = 16 * 2 ** 20;
/** Field names whose values never reach a log, whatever room wrote them. */
const SECRET_FIELDS = ["password", "passwd", "secret", "token", "authorization", "cookie", "credentials"];

interface Sink {
  write(line: string): void;
  flush(): void;
  reopen(): void;
}

/** All loggers of a process. */
export class Logs {
  readonly #root: Logger;
  readonly #sink: Sink;
  readonly #loggers = new Map<string, Logger>();
  readonly #levels: Map<string, LogLevel>;
  #level: LogLevel;

  constructor(settings: LogSettings) {
    this.#level = settings.level;
    this.#levels = new Map(settings.levels);
    this.#sink = openSink(settings.destination, settings.format);
    this.#root = pino(
      {
        level: "trace",
        base: null,
        messageKey: "event",
        timestamp: () => `,"time":"${new Date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: stdSerializers.errWithCause },
        redact: { paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`]), censor: "*" },
      },
      this.#sink,
    );
  }

  /** The logger of a room ("imap") or of a part of it ("imap.compress"). */
  named(name: string): Log {
    let logger = this.#loggers.get(name);
    if (logger === undefined) {
      logger = this.#root.child({ log: name }, { level: this.#levelOf(name) });
      this.#loggers.set(name, logger);
    }
    return new NamedLog(logger);
  }

  /** Changes the level of one logger, or of all that have no own one. */
  setLevel(level: LogLevel, name?: string): void {
    if (name === undefined) this.#level = level;
    else this.#levels.set(name, level);
    for (const [known, logger] of this.#loggers) logger.level = this.#levelOf(known);
  }

  /** Back to the level of its room, or of all. */
  resetLevel(name: string): void {
    this.#levels.delete(name);
    for (const [known, logger] of this.#loggers) logger.level = this.#levelOf(known);
  }

  /** Loggers that exist or have a level of their own. */
  get names(): readonly string[] {
    return [...new Set([...this.#loggers.keys(), ...this.#levels.keys()])].sort();
  }

  /** `configured` is the level of this very name, if it has one. */
  level(name?: string): { readonly configured: LogLevel | undefined; readonly effective: LogLevel } {
    if (name === undefined) return { configured: this.#level, effective: this.#level };
    return { configured: this.#levels.get(name), effective: this.#levelOf(name) };
  }

  /** Blocks until every line is written: before the process exits. */
  flush(): void {
    this.#sink.flush();
  }

  /** After log rotation moved the file away. */
  reopen(): void {
    this.#sink.reopen();
  }

  #levelOf(name: string): LogLevel {
    const room = name.split(".")[0] ?? name;
    return this.#levels.get(name) ?? this.#levels.get(room) ?? this.#level;
  }
}

class NamedLog implements Log {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  trace(event: string, fields?: LogFields): void {
    this.#logger.trace(fields, event);
  }
  debug(event: string, fields?: LogFields): void {
    this.#logger.debug(fields, event);
  }
  info(event: string, fields?: LogFields): void {
    this.#logger.info(fields, event);
  }
  warn(event: string, fields?: LogFields): void {
    this.#logger.warn(fields, event);
  }
  error(event: string, fields?: LogFields): void {
    this.#logger.error(fields, event);
  }
  enabled(level: LogLevel): boolean {
    return this.#logger.isLevelEnabled(level);
  }
}

/** Keeps nothing: for tests and one-shot commands. */
export const silentLog: Log = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  enabled: () => false,
};

const PRINTERS: Record<LogSettings["format"], (line: string) => string> = {
  json: (line) => line,
  pretty: prettyLine,
  opush: opushLine,
};

function openSink(target: LogSettings["destination"], format: LogSettings["format"]): Sink {
  const print = PRINTERS[format];
  if (typeof target === "function") {
    return { write: (line) => target(print(line)), flush() {}, reopen() {} };
  }
  const stream = openDestination({ dest: target, sync: false, maxLength: MAX_BUFFERED_BYTES, mkdir: false });
  // A full disk or a closed terminal must not take the process down.
  stream.on("error", () => {});
  return {
    write: (line) => void stream.write(print(line)),
    flush: () => {
      try {
        stream.flushSync();
      } catch {
        // Not yet open, or the reader is gone: nothing left to do for these lines.
      }
    },
    reopen: () => {
      if (typeof target === "string") stream.reopen();
    },
  };
}
