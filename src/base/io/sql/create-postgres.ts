import { Client } from "pg";
import { SqlError } from "./port.ts";
import { PostgresDatabase, type PostgresSettings } from "./postgres.ts";
import { toSqlError } from "./postgres-errors.ts";

/** invalid_catalog_name: the server has no such database. */
const NO_DATABASE = "3D000";
/** duplicate_database, unique_violation: somebody else was quicker. */
const EXISTS = new Set(["42P04", "23505"]);

/** Makes the database when the server has none of that name; its user needs the right to. @throws SqlError */
export async function openOrCreatePostgres(settings: PostgresSettings): Promise<PostgresDatabase> {
  try {
    return await PostgresDatabase.open(settings);
  } catch (error) {
    if (!(error instanceof SqlError) || sqlState(error.cause) !== NO_DATABASE) throw error;
  }
  await create(settings);
  return PostgresDatabase.open(settings);
}

async function create({ url, password }: PostgresSettings): Promise<void> {
  const server = new URL(url);
  const name = decodeURIComponent(server.pathname.slice(1));
  server.pathname = "/postgres";
  if (password !== undefined) server.password = encodeURIComponent(password);
  const client = new Client({ connectionString: server.href });
  try {
    await client.connect();
    // Names sort by their bytes, as in SQLite.
    await client.query(
      `CREATE DATABASE "${name.replaceAll('"', '""')}" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
  } catch (error) {
    if (!EXISTS.has(sqlState(error))) throw toSqlError(error, server.host);
  } finally {
    await client.end().catch(() => {});
  }
}

function sqlState(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}
