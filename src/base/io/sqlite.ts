/** The one way to open a database file, since SQLite's own messages do not say which file they are about. */
import Database from "better-sqlite3";

/** @throws Error that names the file, caused by the SqliteError: of opening, and of what `setUp` does first */
export function openSqlite(
  path: string,
  options: Database.Options = {},
  setUp: (database: Database.Database) => void = () => {},
): Database.Database {
  let database: Database.Database | undefined;
  try {
    database = new Database(path, options);
    setUp(database);
    return database;
  } catch (error) {
    database?.close();
    const isSqlite = error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_");
    if (!isSqlite && !(error instanceof TypeError)) throw error;
    const failure = new Error(`could not open "${path}": ${error.message}`, { cause: error });
    // The library has no code for a folder that is not there.
    throw isSqlite ? failure : Object.assign(failure, { code: "SQLITE_CANTOPEN" });
  }
}
