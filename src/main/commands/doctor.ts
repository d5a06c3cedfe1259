import type { Command } from "commander";
import { systemClock } from "../../base/io/clock.ts";
import { command } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { examine } from "../doctor.ts";
import { ExitCode } from "../exit-codes.ts";
import { terminalOutput } from "../output.ts";

const MARKS = { ok: "ok     ", warning: "WARNING", failure: "FAILURE" } as const;

export function addDoctorCommand(program: Command): void {
  command(program, "doctor", "Look at ports, certificate, disk, permissions and clock", [
    "doctor",
    "doctor --config /etc/rookery/rookery.yaml --json",
  ]).action(async (flags: CommonFlags) => {
    const output = terminalOutput(flags.json === true);
    const { config } = readConfiguration(flags, { systemFile: true });
    const findings = await examine(config, systemClock);
    if (output.json) output.printJson(findings);
    else {
      for (const { check, status, message, next } of findings) {
        output.print(
          `${MARKS[status]}  ${check}: ${message}${next === undefined ? "" : `\n         ${next}`}`,
        );
      }
    }
    if (findings.some(({ status }) => status === "failure")) process.exitCode = ExitCode.findings;
  });
}
