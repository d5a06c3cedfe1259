import { ConfigError } from "../config/load.ts";
import { describeFailure, type FailureKind } from "../admin/failure.ts";

/** Exit codes of every command (docs/operations.md lists them); from sysexits.h where one fits. */
export const ExitCode = {
  ok: 0,
  /** It ran, and what it looked at is not well: check, doctor, a recipient that was refused. */
  findings: 1,
  /** Wrong options or arguments (EX_USAGE). */
  usage: 64,
  /** It cannot be done as asked: no such user, name taken, over quota (EX_DATAERR). */
  refused: 65,
  /** A bug (EX_SOFTWARE). */
  internal: 70,
  /** Not now: data folder in use, disk full, node stopped meanwhile (EX_TEMPFAIL). */
  unavailable: 75,
  /** The configuration is wrong (EX_CONFIG). */
  configuration: 78,
} as const;
export type ExitCodeValue = (typeof ExitCode)[keyof typeof ExitCode];

const OF_KIND: Record<FailureKind, ExitCodeValue> = {
  usage: ExitCode.usage,
  refused: ExitCode.refused,
  unavailable: ExitCode.unavailable,
  configuration: ExitCode.configuration,
  internal: ExitCode.internal,
};

export interface ExplainedFailure {
  readonly exitCode: ExitCodeValue;
  readonly code: string;
  readonly messages: readonly string[];
  readonly next: string | undefined;
}

/** What to tell the operator, and how to end. */
export function explain(error: unknown): ExplainedFailure {
  if (error instanceof ConfigError) {
    return {
      exitCode: ExitCode.configuration,
      code: "configuration_invalid",
      messages: error.problems.map(({ key, origin, message }) => `${key} (${origin}): ${message}`),
      next: "See every option with: rookery config schema, and check again with: rookery config check",
    };
  }
  const systemCode = error instanceof Error && "code" in error ? String(error.code) : "";
  const help = SYSTEM_HELP[systemCode];
  if (help !== undefined && error instanceof Error) {
    return { exitCode: ExitCode.unavailable, code: systemCode, messages: [error.message], next: help };
  }
  const failure = describeFailure(error);
  const messages = [failure.message];
  if (failure.kind === "internal" && error instanceof Error && error.stack !== undefined) {
    messages.push(error.stack);
  }
  return {
    exitCode: OF_KIND[failure.kind],
    code: failure.code,
    messages,
    next:
      failure.next ??
      (failure.kind === "internal" ? "This is a bug in Rookery: please report it." : undefined),
  };
}

/** Failures of the world that an operator can mend, by Node's error code. */
const SYSTEM_HELP: Readonly<Record<string, string>> = {
  EADDRINUSE:
    "Another program listens there. Choose other ports with --port-base N (up) or in the listen group (serve), or see what is there with: ss -ltnp",
  EADDRNOTAVAIL:
    "This machine has no such address: choose another with --host (up) or in the listen group (serve).",
  ENOTFOUND:
    "There is no host of that name: name an address of this machine with --host (up) or in the listen group (serve).",
  EACCES:
    "The user has no right to do that: run as the owner of the data folder; ports below 1024 need CAP_NET_BIND_SERVICE, see docs/operations.md",
  EPERM: "The user has no right to do that: run as the owner of the data folder.",
  ENOSPC: "The file system is full: make room, then try again.",
  EROFS: "The file system is read-only: see the kernel's messages about the disk.",
  EMFILE: "Too many open files: raise the limit (ulimit -n, or LimitNOFILE in the systemd unit).",
};
