/** Failures of the world below (files, SQLite, certificates) that an operator can mend: no bugs, so no stack either. */
import { CertificateFileError } from "../base/io/tls-contexts.ts";
import type { Failure, FailureKind } from "./failure.ts";

const OWNER = "Run as the owner of the data folder, and see what is wrong with: rookery doctor";
const FULL = "The file system is full: make room, then try again.";
const DAMAGED = "The database is damaged: stop the node and restore the data folder from a backup.";

/** By Node's or SQLite's error code; extended SQLite codes (SQLITE_IOERR_WRITE) are found by their first two words. */
const BY_CODE: Readonly<Record<string, readonly [kind: FailureKind, next: string]>> = {
  ENOENT: ["refused", "Name a path that is there, or make its folder first."],
  ENOTDIR: ["refused", "A part of the path is a file, not a folder: name another path."],
  EISDIR: ["refused", "That is a folder: name a file."],
  EACCES: ["unavailable", `The user has no right to do that. ${OWNER}`],
  EPERM: ["unavailable", `The user has no right to do that. ${OWNER}`],
  EROFS: ["unavailable", "The file system is read-only: see the kernel's messages about the disk."],
  ENOSPC: ["unavailable", FULL],
  EDQUOT: ["unavailable", "The user's disk quota is used up: make room, then try again."],
  SQLITE_FULL: ["unavailable", FULL],
  SQLITE_CANTOPEN: ["unavailable", `A database of the data folder cannot be opened. ${OWNER}`],
  SQLITE_PERM: ["unavailable", `A database of the data folder may not be used. ${OWNER}`],
  SQLITE_READONLY: ["unavailable", `A database of the data folder may not be written. ${OWNER}`],
  SQLITE_IOERR: [
    "unavailable",
    "See the free space (rookery doctor) and the kernel's messages about the disk.",
  ],
  SQLITE_NOTADB: ["unavailable", DAMAGED],
  SQLITE_CORRUPT: ["unavailable", DAMAGED],
};
/** Errors that wrap errors: deeper than this nobody looks. */
const MAX_CAUSES = 5;

/** undefined = not known as such a failure. */
export function describeSystemFailure(error: unknown): Failure | undefined {
  if (!(error instanceof Error)) return undefined;
  if (error instanceof CertificateFileError) {
    const next = "See tls.certificate and tls.key, or make a new one with: rookery certificate make --force";
    return { kind: "configuration", code: "certificate_unusable", message: withCause(error), next };
  }
  let cause: unknown = error;
  for (let depth = 0; depth < MAX_CAUSES && cause instanceof Error; depth++) {
    const code = "code" in cause ? String(cause.code) : "";
    const known = BY_CODE[code] ?? BY_CODE[code.split("_", 2).join("_")];
    if (known !== undefined) {
      const [kind, next] = known;
      return { kind, code, message: error.message, next };
    }
    cause = cause.cause;
  }
  return undefined;
}

function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}
