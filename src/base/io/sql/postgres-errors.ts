/** Errors of PostgreSQL and of the way to it: https://www.postgresql.org/docs/current/errcodes-appendix.html */
import { SqlError, type SqlErrorCode } from "./port.ts";

/** serialization_failure and deadlock_detected: this transaction did nothing and may run again. */
export function isConflict(error: unknown): boolean {
  const state = stateOf(error);
  return state === "40001" || state === "40P01";
}

export function toSqlError(error: unknown, description: string): unknown {
  if (error instanceof SqlError || !(error instanceof Error)) return error;
  const code = codeOf(error);
  // What a transaction's work throws by itself passes through.
  if (code === undefined) return error;
  const place = code === "unavailable" ? `database ${description}: ` : "";
  return new SqlError(code, `${place}${messageOf(error)}`, { cause: error });
}

function codeOf(error: Error): SqlErrorCode | undefined {
  const state = stateOf(error);
  if (state === "") return isLost(error) ? "unavailable" : undefined;
  if (state.startsWith("23")) return "constraint";
  if (state === "53100") return "disk_full";
  // Lost sessions, too many of them, shutdown and start-up, I/O errors, conflicts, timeouts, a standby.
  const passes = /^(08|40|53|57|58)/.test(state) || state === "55P03" || state === "25006";
  return passes ? "unavailable" : "refused";
}

/** SQLSTATE; "" for errors that are not the server's. */
function stateOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^[0-9A-Z]{5}$/.test(code) && code !== "EPIPE" ? code : "";
}

/** The session is gone: cut, or ended by the server (admin_shutdown, crash_shutdown). */
export function isEnded(error: unknown): boolean {
  return isLost(error) || /^57P0[12]$/.test(stateOf(error));
}

/** Of the socket, or one of the driver's own, which have no code. */
function isLost(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.some(isLost);
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  if (/^(E[A-Z]+|ERR_(TLS|SSL|SOCKET)_.*)$/.test(code)) return true;
  return /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Client was closed|Cannot use a pool after calling end|The server does not support SSL)/.test(
    error.message,
  );
}

/** Node gives the failure of several addresses an empty message of its own. */
function messageOf(error: Error): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error ? first.message : error.message;
}
