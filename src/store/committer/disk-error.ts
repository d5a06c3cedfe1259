import { StoreError } from "../errors.ts";

/** Errors of the disk and of SQLite as refusals; undefined for everything else. */
export function diskError(error: unknown): StoreError | undefined {
  if (error instanceof StoreError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return undefined;
  const message = (error as Error).message;
  if (code === "ENOSPC" || code === "EDQUOT" || code.startsWith("SQLITE_FULL")) {
    return new StoreError("disk_full", `the disk is full: ${message}`, { cause: error });
  }
  const failed = ["EIO", "EROFS", "EACCES", "EPERM", "EMFILE", "ENFILE", "ENOENT"].includes(code);
  if (failed || /^SQLITE_(IOERR|READONLY|CANTOPEN|BUSY|LOCKED|CORRUPT|NOTADB)/.test(code)) {
    return new StoreError("disk_failed", `the disk failed: ${message}`, { cause: error });
  }
  return undefined;
}
