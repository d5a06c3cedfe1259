/** The command line. One file a command in commands/, one line here; exit codes in exit-codes.ts. */
import { Command, CommanderError } from "commander";
import { addAliasCommands } from "./commands/alias.ts";
import { addAppPasswordCommands } from "./commands/app-password.ts";
import { addBackupCommand } from "./commands/backup.ts";
import { addCertificateCommands } from "./commands/certificate.ts";
import { addCheckCommand } from "./commands/check.ts";
import { addCompactCommand } from "./commands/compact.ts";
import { addConfigCommands } from "./commands/config.ts";
import { addDeliverCommand } from "./commands/deliver.ts";
import { addDeviceCommands } from "./commands/device.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addDomainCommands } from "./commands/domain.ts";
import { addDumpCommand } from "./commands/dump.ts";
import { addGroupCommands } from "./commands/group.ts";
import { addMailboxCommands } from "./commands/mailbox.ts";
import { addProbeCommands } from "./commands/probe.ts";
import { addMigrateCommands } from "./commands/migrate.ts";
import { addQueueCommands } from "./commands/queue.ts";
import { addMessageCommands } from "./commands/message.ts";
import { addRestoreCommand } from "./commands/restore.ts";
import { addReplicateCommand, addReplicationCommands } from "./commands/replicate.ts";
import { addSchemaCommands } from "./commands/schema.ts";
import { addServeCommand } from "./commands/serve.ts";
import { addSieveCommands } from "./commands/sieve.ts";
import { addStatusCommand } from "./commands/status.ts";
import { addSyncServerCommand } from "./commands/sync-server.ts";
import { addUpCommand } from "./commands/up.ts";
import { addUserCommands } from "./commands/user.ts";
import { ExitCode, explain } from "./exit-codes.ts";
import { programVersion } from "./version.ts";

const EPILOGUE = `
Start here:
  $ rookery up                    a demo node with two users, on unprivileged ports
  $ rookery serve --config FILE   a production node
  $ rookery user --help           every command explains itself

Exit codes: 0 done, 1 findings, 64 wrong usage, 65 refused, 70 bug, 75 not now, 78 wrong configuration.
`;

function buildProgram(): Command {
  const program = new Command("rookery")
    .description("An open mail platform.")
    .version(programVersion(), "--version", "print the version")
    .showHelpAfterError("(see what is allowed with --help)")
    .addHelpText("after", EPILOGUE)
    // Inherited by the commands made below.
    .exitOverride();
  addUpCommand(program);
  addServeCommand(program);
  addStatusCommand(program);
  addUserCommands(program);
  addDomainCommands(program);
  addAliasCommands(program);
  addGroupCommands(program);
  addAppPasswordCommands(program);
  addDeviceCommands(program);
  addMailboxCommands(program);
  addDeliverCommand(program);
  addMessageCommands(program);
  addDumpCommand(program);
  addCheckCommand(program);
  addCompactCommand(program);
  addBackupCommand(program);
  addRestoreCommand(program);
  addSchemaCommands(program);
  addProbeCommands(program);
  addQueueCommands(program);
  addReplicateCommand(program);
  addReplicationCommands(program);
  addSyncServerCommand(program);
  addSieveCommands(program);
  addMigrateCommands(program);
  addConfigCommands(program);
  addCertificateCommands(program);
  addDoctorCommand(program);
  return program;
}

// Mail, keys and password hashes: what this program writes is its owner's alone.
process.umask(0o077);

// `rookery … | head` is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(ExitCode.ok);
});

try {
  await buildProgram().parseAsync(process.argv);
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed help or what is wrong.
    process.exitCode = error.exitCode === 0 ? ExitCode.ok : ExitCode.usage;
  } else {
    const { exitCode, code, messages, next } = explain(error);
    const text = process.argv.includes("--json")
      ? JSON.stringify({ error: { code, messages, next } })
      : [...messages.map((message) => `rookery: ${message}`), ...(next === undefined ? [] : [next])].join(
          "\n",
        );
    process.stderr.write(`${text}\n`);
    process.exitCode = exitCode;
  }
}
