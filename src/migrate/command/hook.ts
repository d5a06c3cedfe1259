/**
 * What is done around a migration: lock the user before a cutover, switch his route after it, unlock him when it failed.
 * A hook is a command (`command.ts`) or an HTTP call:
 *
 *     pre:
 *       - name: /usr/local/bin/lock-user
 *         arguments: "%{mdb:ruid}"
 *       - http: { method: POST, url: "https://ldap-api/lock/%{mdb:ruid}", headers: { authorization: "…" }, attempts: 5 }
 *
 * Hooks are not run in a dry run.
 */
import type { Clock } from "../../base/io/clock.ts";
import { type Command, CommandError, readCommand } from "./command.ts";
import { fillText, type Properties } from "./inject.ts";
import type { CommandSteps } from "./steps.ts";
import type { JobDetail } from "../model.ts";

export type Hook =
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "http"; readonly call: HttpCall };

export interface HttpCall {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly attempts: number;
  readonly retryAfterMs: number;
}

const MAX_ATTEMPTS = 100;
const DEFAULT_ATTEMPTS = 3;
const DEFAULT_RETRY_AFTER_MS = 5_000;
const CALL_TIMEOUT_MS = 30_000;
/** Of an answer's body, for the record. */
const MAX_ANSWER_CHARACTERS = 500;

/** @throws CommandError */
export function readHook(value: unknown): Hook {
  if (typeof value !== "object" || value === null || !("http" in value)) {
    return { kind: "command", command: readCommand(value) };
  }
  const fields = Object.entries(value.http ?? {});
  const get = (key: string): unknown => fields.find(([name]) => name === key)?.[1];
  const unknown = fields.find(([name]) => !HTTP_FIELDS.has(name));
  if (unknown !== undefined) throw new CommandError(`an HTTP hook has no field "${unknown[0]}"`);
  const url = get("url");
  if (typeof url !== "string" || !/^https?:\/\//.test(url)) {
    throw new CommandError("an HTTP hook needs a url with http:// or https://");
  }
  const body = get("body");
  const method = get("method");
  return {
    kind: "http",
    call: {
      url,
      method: typeof method === "string" ? method.toUpperCase() : "POST",
      headers: Object.fromEntries(
        Object.entries(get("headers") ?? {}).map(([name, text]) => [name, String(text)]),
      ),
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      attempts: number(get("attempts"), DEFAULT_ATTEMPTS, MAX_ATTEMPTS),
      retryAfterMs: number(get("retry-after-ms"), DEFAULT_RETRY_AFTER_MS, 3_600_000),
    },
  };
}

const HTTP_FIELDS = new Set(["method", "url", "headers", "body", "attempts", "retry-after-ms"]);

function number(value: unknown, missing: number, max: number): number {
  if (value === undefined) return missing;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new CommandError(`attempts and retry-after-ms are integers from 1 to ${max}`);
}

/** Runs hooks in their order and stops at the first that fails. @throws CommandError */
export async function runHooks(
  operation: string,
  hooks: readonly Hook[],
  ports: {
    readonly steps: CommandSteps;
    readonly properties: Properties;
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  for (const hook of hooks) {
    if (hook.kind === "command") {
      const { success, exitCode } = await ports.steps.run(operation, hook.command);
      if (!success) throw new CommandError(`${operation} failed with return code ${exitCode}`);
      continue;
    }
    const detail = await callHttp(operation, hook.call, ports);
    ports.steps.details.push(detail);
    if (!detail.success)
      throw new CommandError(`${operation} failed: ${detail.errors?.at(-1) ?? "no answer"}`);
  }
}

async function callHttp(
  operation: string,
  call: HttpCall,
  { properties, clock, signal }: { properties: Properties; clock: Clock; signal: AbortSignal },
): Promise<JobDetail> {
  const url = fillText(call.url, properties, encodeURIComponent);
  const shown = `${call.method} ${url.replace(/\/\/[^/@]*@/, "//<hidden>@")}`;
  const errors: string[] = [];
  for (let attempt = 1; attempt <= call.attempts && !signal.aborted; attempt += 1) {
    if (attempt > 1) await new Promise<void>((resolve) => clock.setTimer(call.retryAfterMs, resolve));
    const answer = await tryCall(url, call, properties, signal);
    if (answer.ok) {
      return { operation, success: true, command: shown, exitCode: 0, attempts: attempt };
    }
    errors.push(answer.text);
    if (!answer.retry) break;
  }
  return {
    operation,
    success: false,
    command: shown,
    exitCode: 1,
    attempts: errors.length,
    errors: errors.slice(-3),
  };
}

async function tryCall(
  url: string,
  call: HttpCall,
  properties: Properties,
  signal: AbortSignal,
): Promise<{ readonly ok: boolean; readonly retry: boolean; readonly text: string }> {
  try {
    const response = await fetch(url, {
      method: call.method,
      headers: Object.fromEntries(
        Object.entries(call.headers).map(([name, value]) => [name, fillText(value, properties)]),
      ),
      ...(call.body !== undefined && { body: fillText(call.body, properties) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
      redirect: "error",
    });
    const text = `${response.status} ${(await response.text()).slice(0, MAX_ANSWER_CHARACTERS)}`.trim();
    // A refusal will not change by asking again; 408, 425 and 429 ask for it.
    const retry = response.status >= 500 || [408, 425, 429].includes(response.status);
    return { ok: response.ok, retry, text };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
    return {
      ok: false,
      retry: true,
      text: `${error instanceof Error ? error.message : String(error)}${cause}`,
    };
  }
}
