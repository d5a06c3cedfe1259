/** One log file a user (S4.40), opened for appending while his job runs. */
import { closeSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { MigrationUser } from "../model.ts";

export interface UserLogOptions {
  /** `%(source)` and `%(user)` (the target uid) are filled in. */
  readonly format: string;
  readonly folder: string;
}

export interface UserLog {
  line(text: string): void;
  close(): void;
}

export const NO_USER_LOG: UserLog = { line() {}, close() {} };

export function openUserLog({ format, folder }: UserLogOptions, user: MigrationUser): UserLog {
  mkdirSync(folder, { recursive: true });
  const name = format
    .replaceAll("%(source)", user.source)
    .replaceAll("%(user)", user.targetUid)
    // A user id is not a path.
    .replaceAll(/[/\0]/g, "_");
  const file = openSync(join(folder, name), "a", 0o600);
  return {
    line: (text) => void writeSync(file, `${text}\n`),
    close: () => closeSync(file),
  };
}
