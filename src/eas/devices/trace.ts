/** What a device and the gateway said to each other, for the devices that an administrator asked to trace. */
import type { Clock } from "../../base/io/clock.ts";
import type { HttpAnswer } from "../http-answer.ts";
import { WBXML_TYPE } from "../http-answer.ts";
import { printWbxml } from "../logs/print-wbxml.ts";

/** Where traces go; `main/` passes files in. */
export interface TraceFiles {
  /** Adds to the trace of a device; a trace that gets too long starts anew. Must not throw. */
  append(userId: string, deviceId: string, text: string): void;
}

export interface TracedRequest {
  readonly userId: string;
  readonly deviceId: string;
  readonly method: string;
  /** Escaped, as it came. */
  readonly query: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
  readonly startedMs: number;
}

/** Headers that say how a device behaves; Authorization and cookies are none of them. */
const SHOWN_HEADERS = [
  "user-agent",
  "ms-asprotocolversion",
  "x-ms-policykey",
  "content-type",
  "content-encoding",
  "accept-encoding",
  "ms-asacceptmultipart",
  "expect",
];

export function traceText(request: TracedRequest, answer: HttpAnswer, clock: Clock): string {
  const started = new Date(request.startedMs).toISOString();
  const tookMs = clock.nowMs() - request.startedMs;
  const headers = SHOWN_HEADERS.flatMap((name) => {
    const value = request.headers[name];
    return value === undefined ? [] : [`${name}: ${value}`];
  });
  const sent = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}`);
  return [
    `=== ${started} ${request.method} ?${request.query.slice(0, 1000)}`,
    ...headers,
    printBody(request.body, request.headers["content-type"] ?? ""),
    `--- ${answer.status} after ${tookMs} ms`,
    ...sent,
    printBody(answer.body, answer.headers["Content-Type"] ?? ""),
    "",
  ].join("\n");
}

function printBody(body: Buffer, type: string): string {
  if (body.length === 0) return "(no body)";
  if (type === WBXML_TYPE || type === "application/vnd.ms-sync" || body[0] === 0x03) {
    return printWbxml(body, "full");
  }
  return `(${body.length} bytes of ${type === "" ? "unknown type" : type})`;
}
