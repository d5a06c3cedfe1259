import type { Command } from "commander";
import { mkdirSync } from "node:fs";
import type { SqlDatabase } from "../../base/io/sql/port.ts";
import { updateSchema } from "../../base/io/sql/schema.ts";
import { Logs } from "../../base/log.ts";
import { easOptions } from "../../eas/options.ts";
import { SCHEMA_NAME, schemaVersions } from "../../eas/state/schema.ts";
import { schemaReport, statusText } from "../../eas/state/schema-state.ts";
import { command, commandGroup } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { ExitCode } from "../exit-codes.ts";
import { openStateDatabase } from "../gateway-state.ts";
import { nodeOptions } from "../node-options.ts";
import { terminalOutput } from "../output.ts";

/** S2.35–S2.39, with Opush's words. */
export function addSchemaCommands(program: Command): void {
  const group = commandGroup(
    program,
    "schema",
    "Tables of the database where gateways keep what devices know",
  );
  command(group, "status", "Say whether the tables fit this program", ["schema status"]).action(
    (flags: CommonFlags) =>
      withDatabase(flags, async (database, print) => {
        const report = await schemaReport(database);
        print(statusText(report), { ...report });
        if (report.state !== "current") process.exitCode = ExitCode.findings;
      }),
  );
  command(group, "install", "Make the tables in an empty database", [
    "schema install --set activesync.database=postgres://rookery@db.example.com/rookery",
  ]).action((flags: CommonFlags) =>
    withDatabase(flags, async (database, print) => {
      const before = await schemaReport(database);
      if (before.state !== "missing") {
        print(`A schema is there already, its version is ${before.version}`, { ...before });
        return;
      }
      await updateSchema(database, SCHEMA_NAME, schemaVersions);
      const { version } = await schemaReport(database);
      print(`Schema version ${version} has been installed, please restart rookery to get the service up`, {
        version,
      });
    }),
  );
  command(group, "update", "Bring the tables to the latest version", ["schema update"]).action(
    (flags: CommonFlags) =>
      withDatabase(flags, async (database, print) => {
        const before = await schemaReport(database);
        if (before.state === "missing") {
          print(statusText(before), { ...before });
          process.exitCode = ExitCode.findings;
        } else if (before.state === "current" || before.state === "newer") {
          print("Nothing to do, your schema is already at the latest version", { ...before });
        } else {
          await updateSchema(database, SCHEMA_NAME, schemaVersions);
          const { version } = await schemaReport(database);
          print(`Your schema has been updated from version ${before.version} to ${version}`, {
            from: before.version,
            to: version,
          });
        }
      }),
  );
}

type Print = (text: string, json: unknown) => void;

async function withDatabase(
  flags: CommonFlags,
  work: (database: SqlDatabase, print: Print) => Promise<void>,
): Promise<void> {
  const output = terminalOutput(flags.json === true);
  const { config } = readConfiguration(flags, { systemFile: true });
  const { dataFolder } = config.get(nodeOptions);
  const settings = config.get(easOptions);
  if (settings.database === undefined) mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const logs = new Logs({ level: "warn", format: "pretty", destination: 2 });
  const database = await openStateDatabase(settings, dataFolder, logs.named("schema"));
  try {
    await work(database, (text, json) => (output.json ? output.printJson(json) : output.print(text)));
  } finally {
    await database.close();
  }
}
