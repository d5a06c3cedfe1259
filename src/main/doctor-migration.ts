import { systemClock } from "../base/io/clock.ts";
import { systemRandom } from "../base/io/random.ts";
import { SqlError } from "../base/io/sql/port.ts";
import { PostgresDatabase } from "../base/io/sql/postgres.ts";
import { schemaVersion } from "../base/io/sql/schema.ts";
import { type Config, ConfigError } from "../config/load.ts";
import { SCHEMA_NAME, schemaVersions } from "../migrate/database/schema.ts";
import { migrateOptions } from "../migrate/options.ts";
import type { Finding } from "./doctor.ts";
import { readStorageKeys } from "./migration-database.ts";
import { nodeOptions } from "./node-options.ts";

/** Of a process with a role of the migration: storage keys, the shared database, who may administer. Changes nothing. */
export async function checkMigration(config: Config): Promise<readonly Finding[]> {
  const { roles } = config.get(nodeOptions);
  if (!roles.includes("scheduler") && !roles.includes("worker")) return [];
  const settings = config.get(migrateOptions);
  const findings: Finding[] = [checkKeys(config)];
  if (settings.database !== undefined) findings.push(await checkDatabase(settings.database.reveal()));
  if (
    roles.includes("scheduler") &&
    (settings.adminUsername === "" || settings.adminPassword === undefined)
  ) {
    findings.push({
      check: "migration",
      status: "warning",
      message: "nobody can use the admin API",
      next: "Set migrate.admin_username and migrate.admin_password.",
    });
  }
  return findings;
}

function checkKeys(config: Config): Finding {
  const check = "storage keys";
  try {
    const { aliases } = readStorageKeys(config.get(migrateOptions));
    const message = aliases.length === 0 ? "none: passwords of users are refused" : aliases.join(", ");
    return { check, status: "ok", message };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const next = "Make one with: openssl rand -hex 32 > FILE";
    return {
      check,
      status: "failure",
      message: error.problems.map(({ message }) => message).join("; "),
      next,
    };
  }
}

async function checkDatabase(url: string): Promise<Finding> {
  const check = "migration database";
  try {
    const database = await PostgresDatabase.open({
      url,
      maxConnections: 1,
      clock: systemClock,
      random: systemRandom,
    });
    let version: number;
    try {
      version = await schemaVersion(database, SCHEMA_NAME);
    } finally {
      await database.close();
    }
    const message = `${database.description} answers; its tables have version ${version} of ${schemaVersions.length}`;
    return { check, status: "ok", message };
  } catch (error) {
    if (!(error instanceof SqlError || error instanceof TypeError)) throw error;
    // A URL that cannot be read may hold a password.
    const message = error instanceof SqlError ? error.message : "migrate.database is no URL";
    return { check, status: "failure", message, next: "See migrate.database and the server's log." };
  }
}
