import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { stringify } from "yaml";
import { configSchema, printConfig, showConfig } from "../../config/show.ts";
import { TlsContexts } from "../../base/io/tls-contexts.ts";
import { command, commandGroup } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { importOpush } from "../import-opush.ts";
import { optionGroups } from "../option-groups.ts";
import { terminalOutput } from "../output.ts";
import { configuredCertificateFiles, tlsOptions } from "../tls-options.ts";

export function addConfigCommands(program: Command): void {
  const config = commandGroup(program, "config", "The configuration: show, check, describe");
  command(config, "show", "Show every option, its value and where that comes from", [
    "config show",
    "config show --config /etc/rookery/rookery.yaml --json",
  ]).action((flags: CommonFlags) => {
    const output = terminalOutput(flags.json === true);
    const { config: loaded } = readConfiguration(flags, { systemFile: true });
    if (output.json) output.printJson(showConfig(loaded));
    else output.print(printConfig(loaded));
  });
  command(config, "check", "Check the configuration and name every mistake", [
    "config check --config /etc/rookery/rookery.yaml",
  ]).action((flags: CommonFlags) => {
    const output = terminalOutput(flags.json === true);
    const { config: loaded, file } = readConfiguration(flags, { systemFile: true });
    const certificates = configuredCertificateFiles(loaded.get(tlsOptions));
    // Throws with the name of the file that is not usable.
    if (certificates.length > 0) new TlsContexts(certificates).stopWatching();
    if (output.json) output.printJson({ ok: true, file: file ?? null });
    else output.print(`The configuration is good (${file ?? "no file: defaults and environment"}).`);
  });
  command(config, "import-opush <folder>", "Print Opush's configuration as Rookery's", [
    "config import-opush /etc/opush > rookery.yaml",
  ]).action((folder: string, flags: CommonFlags) => {
    const output = terminalOutput(flags.json === true);
    const files = new Map(
      readdirSync(folder)
        .filter((name) => /\.(ini|xml|mustache)$/.test(name))
        .sort()
        .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    );
    const options = optionGroups.flatMap((group) =>
      Object.keys(group.options).map((key) => `${group.name}.${key}`),
    );
    const imported = importOpush(files, new Set(options));
    if (output.json) output.printJson(imported);
    else {
      output.print(stringify(imported.settings));
      for (const note of imported.notes) output.note(note);
    }
  });
  command(config, "schema", "Print the JSON Schema of the configuration file", [
    "config schema > rookery.schema.json",
  ]).action(() => {
    process.stdout.write(`${JSON.stringify(configSchema(optionGroups), null, 2)}\n`);
  });
}
