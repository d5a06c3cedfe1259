import { existsSync } from "node:fs";
import type { Command } from "commander";
import { AdminError } from "../../admin/failure.ts";
import { systemClock } from "../../base/io/clock.ts";
import { TlsContexts } from "../../base/io/tls-contexts.ts";
import { collect, command, commandGroup, operate } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { nodeOptions } from "../node-options.ts";
import { formatTable, terminalOutput } from "../output.ts";
import { ownNames, writeSelfSignedFiles } from "../self-signed-files.ts";
import { certificateFiles, selfSignedFiles, tlsOptions } from "../tls-options.ts";

interface CertificateRow {
  readonly file: string;
  readonly names: readonly string[];
  readonly validFrom: string;
  readonly validTo: string;
}

export function addCertificateCommands(program: Command): void {
  const certificate = commandGroup(program, "certificate", "The server's certificates");
  command(certificate, "show", "Show the configured certificates", ["certificate show"]).action(
    (flags: CommonFlags) => {
      const output = terminalOutput(flags.json === true);
      const { config } = readConfiguration(flags, { systemFile: true });
      const files = certificateFiles(config.get(tlsOptions), config.get(nodeOptions).dataFolder);
      const rows = new TlsContexts(files).certificates.map(({ file, names, validFrom, validTo }) => ({
        file,
        names,
        validFrom: validFrom.toISOString(),
        validTo: validTo.toISOString(),
      }));
      if (output.json) output.printJson(rows);
      else output.print(certificateTable(rows));
    },
  );
  command(certificate, "make", "Make a new self-signed certificate in the data folder", [
    "certificate make --name mail.example.org --force",
    "certificate reload",
  ])
    .option("--name <name>", "host name or address in it, the first is its subject; may be repeated", collect)
    .option("--force", "replace the one that is there")
    .action((flags: CommonFlags & { name?: readonly string[]; force?: boolean }) => {
      const output = terminalOutput(flags.json === true);
      const { config } = readConfiguration(flags, { systemFile: true });
      const files = selfSignedFiles(config.get(nodeOptions).dataFolder);
      if (existsSync(files.certificate) && flags.force !== true) {
        throw new AdminError("argument_invalid", `there is a certificate "${files.certificate}" already`, {
          next: "Replace it with --force.",
        });
      }
      const names = flags.name ?? ownNames(config.get(nodeOptions).name);
      writeSelfSignedFiles(files, names, systemClock.nowMs());
      if (output.json) output.printJson({ certificate: files.certificate, key: files.key, names });
      else {
        output.print(`Made ${files.certificate} for ${names.join(", ")}.`);
        output.note("A running node takes it within a minute, or now with: rookery certificate reload");
      }
    });
  command(certificate, "reload", "Make the running node read its certificates again", [
    "certificate reload",
  ]).action(async (flags: CommonFlags) => {
    await operate(flags, {
      operation: "certificate.reload",
      arguments: {},
      text: ({ result }) => certificateTable(result as unknown as CertificateRow[]),
    });
  });
}

function certificateTable(rows: readonly CertificateRow[]): string {
  return formatTable(
    ["FILE", "NAMES", "FROM", "TO"],
    rows.map(({ file, names, validFrom, validTo }) => [
      file,
      names.join(" "),
      validFrom.slice(0, 10),
      validTo.slice(0, 10),
    ]),
  );
}
