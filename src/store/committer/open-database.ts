/** Opens the index database as the committer writes it. */
import type Database from "better-sqlite3";
import { openSqlite } from "../../base/io/sqlite.ts";
import { upgradeSchema } from "../schema.ts";

/** Bytes a page: chunk rows and summaries are a few kilobytes. */
const PAGE_BYTES = 4096;
/** Pages in the WAL before it is written back. */
const CHECKPOINT_PAGES = 8000;

/** @param cacheBytes of pages: the inner ones above all, what is below them the kernel keeps, too */
export function openDatabase(path: string, cacheBytes: number): Database.Database {
  return openSqlite(path, {}, (database) => setUp(database, cacheBytes));
}

function setUp(database: Database.Database, cacheBytes: number): void {
  database.pragma(`page_size = ${PAGE_BYTES}`);
  database.pragma("journal_mode = WAL");
  // better-sqlite3 is built with NORMAL for WAL: an acknowledged message could be lost with the power.
  database.pragma("synchronous = FULL");
  database.pragma(`cache_size = -${Math.ceil(cacheBytes / 1024)}`);
  database.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  database.pragma("temp_store = MEMORY");
  upgradeSchema(database);
}
