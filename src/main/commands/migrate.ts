/** `rookery migrate`: one file a group of commands in migrate/, one line here. */
import type { Command } from "commander";
import { commandGroup } from "../command-line.ts";
import { addBackendCommands } from "./migrate/backend.ts";
import { addHostCommands } from "./migrate/host.ts";
import { addImportCommand } from "./migrate/import.ts";
import { addJobCommands } from "./migrate/jobs.ts";
import { addPlanCommands } from "./migrate/plan.ts";
import { addReportCommand } from "./migrate/report.ts";
import { addSourceCommands } from "./migrate/source.ts";
import { addTargetCommands } from "./migrate/target.ts";
import { addMigrationUserCommands } from "./migrate/user.ts";
import { addWatchCommand } from "./migrate/watch.ts";

export function addMigrateCommands(program: Command): void {
  const migrate = commandGroup(program, "migrate", "Move users here from other mail servers");
  addSourceCommands(migrate);
  addHostCommands(migrate);
  addTargetCommands(migrate);
  addBackendCommands(migrate);
  addMigrationUserCommands(migrate);
  addImportCommand(migrate);
  addJobCommands(migrate);
  addPlanCommands(migrate);
  addWatchCommand(migrate);
  addReportCommand(migrate);
}
