/** What is left of a request when it is over: metrics, log lines, the trace. */
import type { HttpAnswer } from "./http-answer.ts";
import { traceText } from "./devices/trace.ts";
import type { Exchange } from "./exchange.ts";
import { printWbxml } from "./logs/print-wbxml.ts";
import { withContext } from "./logs/request-logs.ts";
import type { EasServerParts } from "./server.ts";
import { printVersion } from "./version.ts";

export function record(exchange: Exchange, http: HttpAnswer, tookMs: number, parts: EasServerParts): void {
  const { metrics, logs, traces, clock, commands } = parts;
  const { intake, query, summary, account } = exchange;
  const name = query?.command ?? intake.method;
  // Only names that we know, so that a client cannot make series.
  const command = query === undefined || commands.has(name) ? name : "unknown";
  metrics.requests.observe({ command, status: String(http.status) }, (tookMs - exchange.heldMs) / 1000);
  metrics.sentBytes.inc(http.body.length);
  for (const [direction, kind, count] of [
    ["in", "change", summary.inChange],
    ["in", "delete", summary.inDelete],
    ["in", "fetch", summary.inFetch],
    ["out", "change", summary.outChange],
    ["out", "delete", summary.outDelete],
    ["out", "fetch", summary.outFetch],
  ] as const) {
    if (count > 0) metrics.items.inc({ direction, kind }, count);
  }
  const context = exchange.context();
  for (const [log, show] of [
    [logs.full, "full"],
    [logs.trimmed, "trimmed"],
  ] as const) {
    if (!log.enabled("debug") || http.body.length === 0) continue;
    withContext(log, context).debug(`answer\n${printWbxml(http.body, show)}`);
  }
  if (exchange.tracing && account !== undefined && query !== undefined) {
    const { body, startedMs } = exchange;
    const { method, headers } = intake;
    const traced = { userId: account.userId, deviceId: query.deviceId, method, query: intake.query };
    traces.append(
      account.userId,
      query.deviceId,
      traceText({ ...traced, headers, body, startedMs }, http, clock),
    );
  }
  if (logs.commands.enabled("debug")) {
    const { status } = http;
    withContext(logs.commands, context).debug("request", {
      status,
      tookMs: Math.round(tookMs),
      heldMs: Math.round(exchange.heldMs),
      version: printVersion(exchange.version),
      remoteAddress: intake.remoteAddress,
    });
  }
}
