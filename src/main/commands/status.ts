import type { Command } from "commander";
import { command, operate } from "../command-line.ts";
import type { CommonFlags } from "../configuration.ts";
import { formatTable } from "../output.ts";

export function addStatusCommand(program: Command): void {
  command(program, "status", "Say whether a node runs on the data folder, and where it listens", [
    "status",
    "status --data /var/lib/rookery --json",
  ]).action(async (flags: CommonFlags) => {
    interface Result {
      readonly running: boolean;
      readonly pid: number;
      readonly version: string;
      readonly endpoints: Readonly<Record<string, { host: string; port: number; tls: boolean }>>;
    }
    await operate(flags, {
      operation: "node.status",
      arguments: {},
      text: ({ result }) => {
        const { running, pid, version, endpoints } = result as unknown as Result;
        if (!running) return "No node runs on this data folder. Start one with: rookery up, or rookery serve";
        const rows = Object.entries(endpoints).map(([name, { host, port, tls }]) => [
          name,
          host,
          port,
          tls ? "yes" : "no",
        ]);
        return `Rookery ${version} runs as process ${pid}.\n\n${formatTable(["SERVICE", "HOST", "PORT", "TLS"], rows)}`;
      },
    });
  });
}
