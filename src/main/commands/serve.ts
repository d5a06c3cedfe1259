import type { Command } from "commander";
import { collect, command } from "../command-line.ts";
import { type CommonFlags, type Configuration, readConfiguration } from "../configuration.ts";
import { followLogLevels } from "../live-log-levels.ts";
import { beginLean } from "../lean-process.ts";
import { listenOptions, nodeOptions, ROLES, servesMail } from "../node-options.ts";
import { terminalOutput } from "../output.ts";

export function addServeCommand(program: Command): void {
  command(program, "serve", "Run a node from the configuration until it is stopped", [
    "serve --config /etc/rookery/rookery.yaml",
    "serve --data /var/lib/rookery --set listen.http=127.0.0.1:8082",
    "serve --role scheduler --role worker --config /etc/rookery/migration.yaml",
  ])
    .option(
      "--role <role>",
      `what the process does instead of the configuration's node.roles; may be repeated (${ROLES.join(", ")})`,
      collect,
    )
    .action(async (flags: CommonFlags & { readonly role?: readonly string[] }) => {
      const output = terminalOutput(flags.json === true);
      const read = (): Configuration =>
        readConfiguration(flags, {
          systemFile: true,
          ...(flags.role === undefined ? {} : { overrides: { "node.roles": flags.role.join(",") } }),
        });
      const configuration = read();
      const { config } = configuration;
      const { roles } = config.get(nodeOptions);
      beginLean(roles, servesMail(roles, config.get(listenOptions)));
      const { isMigrationOnly, startMigrationNode } = await import("../migration.ts");
      const { serveUntilSignal } = await import("../stop-signal.ts");
      const node = isMigrationOnly(roles)
        ? await startMigrationNode(config)
        : await (await import("../node.ts")).startNode(config);
      if (output.json) output.printJson({ endpoints: node.endpoints });
      const reload = followLogLevels(
        {
          logs: "platform" in node ? node.platform.logs : node.logs,
          log: node.log,
          reload: () => node.reload(),
        },
        configuration,
        read,
      );
      await serveUntilSignal({ stop: () => node.stop(), reload }, node.log);
      // Sockets of peers that never close would keep the process; everything accepted is on disk.
      process.exit();
    });
}
