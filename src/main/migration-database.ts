/** The migration's database as the configuration has it: for schedulers, workers and the command line. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { openOrCreatePostgres } from "../base/io/sql/create-postgres.ts";
import type { SqlDatabase } from "../base/io/sql/port.ts";
import { PostgresDatabase } from "../base/io/sql/postgres.ts";
import { SqliteDatabase } from "../base/io/sql/sqlite.ts";
import type { Log } from "../base/log.ts";
import { type Config, ConfigError } from "../config/load.ts";
import { type MigrationDatabase, openMigrationDatabase } from "../migrate/database/open.ts";
import { MigrateError } from "../migrate/errors.ts";
import { migrateOptions, type MigrateSettings } from "../migrate/options.ts";
import { StorageKeys } from "../migrate/secrets.ts";
import { makeDataFolder } from "./data-folder.ts";
import { nodeOptions } from "./node-options.ts";

/** Its tables are made or changed when they are missing or old. @throws SqlError, ConfigError */
export async function openConfiguredMigration(config: Config, log: Log): Promise<MigrationDatabase> {
  const settings = config.get(migrateOptions);
  const keys = readStorageKeys(settings);
  const sql = await openSql(settings, config.get(nodeOptions).dataFolder, log);
  return openMigrationDatabase({ sql, keys, clock: systemClock, random: systemRandom, log });
}

function openSql(settings: MigrateSettings, dataFolder: string, log: Log): Promise<SqlDatabase> {
  const { database: url, databaseConnections: maxConnections, createDatabase } = settings;
  if (url === undefined) {
    makeDataFolder(dataFolder);
    return SqliteDatabase.open(join(dataFolder, "migration.sqlite"));
  }
  checkUrl(url.reveal());
  const postgres = {
    url: url.reveal(),
    maxConnections,
    clock: systemClock,
    random: systemRandom,
    onLost: (error: Error) => log.warn("connection to the database was lost", { err: error }),
  };
  return createDatabase ? openOrCreatePostgres(postgres) : PostgresDatabase.open(postgres);
}

/** Without saying the URL, which may hold a password. @throws ConfigError */
function checkUrl(url: string): void {
  if (URL.canParse(url) && /^postgres(ql)?:$/.test(new URL(url).protocol)) return;
  const message = "expected a URL as postgres://user:password@host:5432/database";
  throw new ConfigError([{ key: "migrate.database", origin: "configuration", message }]);
}

/** @throws ConfigError naming the file or alias that is wrong */
export function readStorageKeys({ storageKey: alias, storageKeys: files }: MigrateSettings): StorageKeys {
  try {
    const keys = new Map([...files].map(([name, file]) => [name, readFileSync(file)] as const));
    return new StorageKeys({ alias, keys, random: systemRandom });
  } catch (error) {
    const isOurs = error instanceof MigrateError || (error instanceof Error && "path" in error);
    if (!isOurs) throw error;
    throw new ConfigError([{ key: "migrate.storage_keys", origin: "configuration", message: error.message }]);
  }
}
