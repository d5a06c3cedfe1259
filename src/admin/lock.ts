/**
 * One process owns a data folder. The lock is SQLite's own on an empty database: the kernel drops it with the process,
 * however it ends, so there is no stale lock file to remove by hand.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openSqlite } from "../base/io/sqlite.ts";
import { AdminError } from "./failure.ts";

const LOCK_FILE = "node.lock";
const PID_FILE = "node.pid";

export interface FolderLock {
  release(): void;
}

/** @throws AdminError data_folder_in_use, naming the process that holds it */
export function lockDataFolder(dataFolder: string): FolderLock {
  const database = openSqlite(join(dataFolder, LOCK_FILE), { timeout: 0 });
  try {
    database.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!isBusy(error)) throw error;
    const pid = findOwnerPid(dataFolder);
    const owner = pid === undefined ? "another process" : `process ${pid}`;
    throw new AdminError("data_folder_in_use", `the data folder "${dataFolder}" is in use by ${owner}`, {
      cause: error,
      next: `Stop it first${pid === undefined ? "" : ` (kill ${pid})`}, or choose another folder with --data.`,
    });
  }
  writeFileSync(join(dataFolder, PID_FILE), `${process.pid}\n`, { mode: 0o600 });
  return { release: () => database.close() };
}

/** Only says who held it last: ask after the lock was refused. */
function findOwnerPid(dataFolder: string): number | undefined {
  try {
    const pid = Number.parseInt(readFileSync(join(dataFolder, PID_FILE), "utf8"), 10);
    return Number.isSafeInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
}
