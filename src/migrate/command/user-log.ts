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

const NO_USER_LOG: UserLog = { line() {}, close() {} };

/** However `work` ends, the file is closed. */
export async function withUserLog<Result>(
  options: UserLogOptions | undefined,
  user: MigrationUser,
  work: (userLog: UserLog) => Promise<Result>,
): Promise<Result> {
  const userLog = options === undefined ? NO_USER_LOG : openUserLog(options, user);
  try {
    return await work(userLog);
  } finally {
    userLog.close();
  }
}

function openUserLog({ format, folder }: UserLogOptions, user: MigrationUser): UserLog {
  mkdirSync(folder, { recursive: true });
  const name = format
    .replaceAll("%(source)", user.source)
    .replaceAll("%(user)", user.targetUid)
    // A user id is not a path.
    .replaceAll(/[/\0]/g, "_");
  const file = openSync(join(folder, name), "a", 0o600);
  return {
    line(text) {
      try {
        writeSync(file, `${text}\n`);
      } catch {
        // A full disk ends the log, not the migration.
      }
    },
    close: () => closeSync(file),
  };
}
