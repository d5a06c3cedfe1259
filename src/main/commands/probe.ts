import type { Command } from "commander";
import { systemClock } from "../../base/io/clock.ts";
import { EasClient } from "../../eas/client.ts";
import { probe, PROBE_EXIT_CODES, probeLine } from "../../eas/probe.ts";
import { command, commandGroup, parseCount } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { terminalOutput } from "../output.ts";
import { readPassword } from "../password-input.ts";

interface ProbeFlags extends CommonFlags {
  readonly warn: number;
  readonly timeout: number;
  readonly verify: boolean;
}

const TIMEOUT_MS = 20_000;
const WARN_MS = 5_000;

export function addProbeCommands(program: Command): void {
  const group = commandGroup(program, "probe", "Checks for monitoring: exit codes 0 OK, 1 warning, 2 error");
  command(group, "eas <url> <user>", "Sync as a phone does; the password comes on standard input", [
    "probe eas https://mail.example.com probe@example.com < /etc/rookery/probe.password",
    "probe eas https://127.0.0.1:8443 alice --no-verify --json",
  ])
    .option("--warn <ms>", "warn when it takes longer", parseCount, WARN_MS)
    .option("--timeout <ms>", "how long to wait for one answer", parseCount, TIMEOUT_MS)
    .option("--no-verify", "take any certificate")
    .action(async (url: string, user: string, flags: ProbeFlags) => {
      const output = terminalOutput(flags.json === true);
      const password = await readPassword(`Password of ${user}: `);
      const client = new EasClient({
        url: url.replace(/\/+$/, ""),
        user,
        password,
        version: 141,
        deviceId: "rookeryprobe",
        deviceType: "RookeryProbe",
        userAgent: "Rookery probe",
        verifyCertificate: flags.verify,
        timeoutMs: flags.timeout,
      });
      const result = await probe(client, flags.warn, systemClock);
      client.close();
      if (output.json) output.printJson({ exitCode: PROBE_EXIT_CODES[result.status], ...result });
      else output.print(probeLine(result));
      process.exitCode = PROBE_EXIT_CODES[result.status];
    });
}
