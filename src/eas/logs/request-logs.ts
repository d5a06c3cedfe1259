/**
 * Logs under the names that Opush gave them (S2.68): AUTHENTICATION, BREAKDOWN, CONTAINER, REQUEST.FULL, REQUEST.TRIMMED,
 * SUMMARY.IN, SUMMARY.OUT; MAIL.DATA is the class Email's. Levels by name: `log.levels: BREAKDOWN=debug`.
 */
import { logWith } from "../../base/context-log.ts";
import type { Log } from "../../base/log.ts";
import type { RequestSummary } from "../command.ts";

export type LogNames = (name: string) => Log;

export interface RequestLogs {
  readonly authentication: Log;
  readonly breakdown: Log;
  readonly container: Log;
  readonly full: Log;
  readonly trimmed: Log;
  readonly summaryIn: Log;
  readonly summaryOut: Log;
  /** What commands log. */
  readonly commands: Log;
}

export function openRequestLogs(named: LogNames): RequestLogs {
  return {
    authentication: named("AUTHENTICATION"),
    breakdown: named("BREAKDOWN"),
    container: named("CONTAINER"),
    full: named("REQUEST.FULL"),
    trimmed: named("REQUEST.TRIMMED"),
    summaryIn: named("SUMMARY.IN"),
    summaryOut: named("SUMMARY.OUT"),
    commands: named("eas"),
  };
}

/** What every line of a request says: S2.65. */
export interface RequestContext {
  readonly command: string;
  readonly request: number;
  readonly user: string;
  readonly device: string;
}

export function withContext(log: Log, context: RequestContext): Log {
  return logWith(log, { ...context });
}

/** Up to two lines for a request that changed or read items: S2.71. */
export function logSummary(logs: RequestLogs, summary: RequestSummary, context: RequestContext): void {
  const { inChange, inDelete, inFetch, outChange, outDelete, outFetch } = summary;
  if (inChange + inDelete + inFetch > 0) {
    withContext(logs.summaryIn, context).info(summaryLine(inChange, inDelete, inFetch));
  }
  if (outChange + outDelete + outFetch > 0) {
    withContext(logs.summaryOut, context).info(summaryLine(outChange, outDelete, outFetch));
  }
}

export function summaryLine(change: number, deleted: number, fetch: number): string {
  return `CHANGE: ${change}, DELETE: ${deleted}, FETCH: ${fetch}`;
}
