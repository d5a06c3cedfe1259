import type { MigrationDatabase } from "../../../migrate/database/open.ts";
import { logOptions } from "../../../config/log-options.ts";
import { type CommonFlags, readConfiguration } from "../../configuration.ts";
import { openLogs } from "../../open-logs.ts";
import { type Output, terminalOutput } from "../../output.ts";

/** Does work in the configured migration database: with or without a scheduler that runs. */
export async function withMigration(
  flags: CommonFlags,
  work: (migration: MigrationDatabase, output: Output) => Promise<void>,
): Promise<void> {
  const { config } = readConfiguration(flags, { systemFile: true });
  const { openConfiguredMigration } = await import("../../migration-database.ts");
  // A command prints its own errors.
  const logs = openLogs(config.get(logOptions), "error");
  const migration = await openConfiguredMigration(config, logs.named("migrate"));
  try {
    await work(migration, terminalOutput(flags.json === true));
  } finally {
    await migration.close();
    logs.flush();
  }
}
