import type { Command } from "commander";
import { command } from "../command-line.ts";
import { type CommonFlags, readConfiguration } from "../configuration.ts";
import { terminalOutput } from "../output.ts";

export function addServeCommand(program: Command): void {
  command(program, "serve", "Run a node from the configuration until it is stopped", [
    "serve --config /etc/rookery/rookery.yaml",
    "serve --data /var/lib/rookery --set listen.http=127.0.0.1:8082",
  ]).action(async (flags: CommonFlags) => {
    const output = terminalOutput(flags.json === true);
    const { config } = readConfiguration(flags, { systemFile: true });
    const { startNode } = await import("../node.ts");
    const { serveUntilSignal } = await import("../stop-signal.ts");
    const node = await startNode(config);
    if (output.json) output.printJson({ endpoints: node.endpoints });
    await serveUntilSignal(node, node.log);
    // Sockets of peers that never close would keep the process; everything accepted is on disk.
    process.exit();
  });
}
