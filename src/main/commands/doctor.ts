import { existsSync } from "node:fs";
import type { Command } from "commander";
import { AdminError } from "../../admin/failure.ts";
import { systemClock } from "../../base/io/clock.ts";
import type { Config } from "../../config/load.ts";
import { gatewayOptions } from "../../eas/account/remote/options.ts";
import { command } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { examineAutodiscover } from "../doctor-autodiscover.ts";
import { examine, type Finding } from "../doctor.ts";
import { ExitCode } from "../exit-codes.ts";
import { nodeOptions } from "../node-options.ts";
import { instanceId } from "../open-autodiscover.ts";
import { type Output, terminalOutput } from "../output.ts";
import { runOperation } from "../run-operation.ts";

const MARKS = { ok: "ok     ", warning: "WARNING", failure: "FAILURE" } as const;

export function addDoctorCommand(program: Command): void {
  const doctor = command(program, "doctor", "Look at ports, certificate, disk, permissions and clock", [
    "doctor",
    "doctor --config /etc/rookery/rookery.yaml --json",
  ]).action(async (flags: CommonFlags) => {
    const output = terminalOutput(flags.json === true);
    const { config } = readConfiguration(flags, { systemFile: true });
    print(await examine(config, systemClock), output);
  });
  command(
    doctor,
    "autodiscover [domain...]",
    "Look whether devices find this server from an address of a domain or alias",
    ["doctor autodiscover example.com example.org", "doctor autodiscover --all --json"],
  )
    .option("--all", "all domains of the directory")
    .action(async (named: string[], _flags: CommonFlags, made: Command) => {
      const flags = made.optsWithGlobals<CommonFlags & { all?: boolean }>();
      if ((named.length === 0) !== (flags.all === true)) {
        throw new AdminError("argument_invalid", "name domains, or say --all");
      }
      const output = terminalOutput(flags.json === true);
      const { config } = readConfiguration(flags, { systemFile: true });
      const { dataFolder } = config.get(nodeOptions);
      const domains = flags.all === true ? await domainsOf(config) : named;
      const instance = existsSync(dataFolder) ? instanceId(dataFolder) : undefined;
      const { autodiscoverDoors } = await import("../autodiscover-doors.ts");
      const doors = autodiscoverDoors();
      try {
        const findings: Finding[] = [];
        for (const domain of domains) findings.push(...(await examineAutodiscover(domain, instance, doors)));
        print(findings, output);
      } finally {
        doors.close();
      }
    });
}

async function domainsOf(config: Config): Promise<readonly string[]> {
  const gateway = config.get(gatewayOptions);
  if (gateway.accounts === "remote") {
    if (gateway.defaultDomain !== undefined) return [gateway.defaultDomain];
    throw new AdminError("argument_invalid", "a gateway does not know the domains of its users", {
      next: "Name them, or set gateway.default_domain.",
    });
  }
  const { rows } = await runOperation(config, { operation: "domain.list", arguments: {} }, () => {});
  return rows.map((row) => (row as { readonly domain: string }).domain);
}

function print(findings: readonly Finding[], output: Output): void {
  if (output.json) output.printJson(findings);
  else {
    for (const { check, status, message, next } of findings) {
      output.print(`${MARKS[status]}  ${check}: ${message}${next === undefined ? "" : `\n         ${next}`}`);
    }
  }
  if (findings.some(({ status }) => status === "failure")) process.exitCode = ExitCode.findings;
}
