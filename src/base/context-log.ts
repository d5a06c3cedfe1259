import type { Log, LogFields, LogLevel } from "./log.ts";

/** A log whose events all carry the same fields: of one request, say. */
export function logWith(log: Log, context: LogFields): Log {
  const merge = (fields: LogFields | undefined): LogFields =>
    fields === undefined ? context : { ...context, ...fields };
  return {
    trace: (event, fields) => log.trace(event, merge(fields)),
    debug: (event, fields) => log.debug(event, merge(fields)),
    info: (event, fields) => log.info(event, merge(fields)),
    warn: (event, fields) => log.warn(event, merge(fields)),
    error: (event, fields) => log.error(event, merge(fields)),
    enabled: (level: LogLevel) => log.enabled(level),
  };
}
