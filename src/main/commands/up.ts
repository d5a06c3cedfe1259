import { type Command, InvalidArgumentError, Option } from "commander";
import { systemRandom } from "../../base/io/random.ts";
import { collect, command, parsePort } from "../command-line.ts";
import { type CommonFlags, type Configuration, readConfiguration } from "../configuration.ts";
import type { Demo } from "../demo.ts";
import { DEFAULT_PORT_BASE, listenOverrides, SERVICES } from "../endpoint.ts";
import { followLogLevels } from "../live-log-levels.ts";
import { nodeOptions, ROLES } from "../node-options.ts";
import { terminalOutput } from "../output.ts";
import { welcomeText } from "../welcome-text.ts";

interface UpFlags extends CommonFlags {
  readonly host: string;
  readonly portBase: number;
  readonly password?: string;
  readonly role?: readonly string[];
}

/** The highest offset of a service must stay a port. */
const MAX_PORT_BASE = 65_535 - 99;

export function addUpCommand(program: Command): void {
  command(
    program,
    "up",
    "Start a demo node: data folder, certificate, two users and some mail at the first start",
    [
      "up",
      "up --data /tmp/demo --port-base 20100 --password secret",
      "up --host 0.0.0.0",
      "up --port-base 0 --json",
    ],
  )
    .option("--host <address>", "where to listen", "127.0.0.1")
    .option(
      "--port-base <n>",
      `ports are n plus a fixed offset: ${SERVICES.map(({ name, offset }) => `${name} +${offset}`).join(", ")}; 0 = any free ports`,
      parsePortBase,
      DEFAULT_PORT_BASE,
    )
    .option("--password <password>", "password of the demo users, when they are made (default: random ones)")
    .addOption(
      new Option("--role <role>", "what the node does; may be repeated")
        .choices(ROLES)
        .argParser(collectRole),
    )
    .action(async (flags: UpFlags) => {
      const output = terminalOutput(flags.json === true);
      const read = (): Configuration =>
        readConfiguration(flags, {
          systemFile: false,
          overrides: {
            ...listenOverrides(flags.host, flags.portBase),
            ...(flags.role === undefined ? {} : { "node.roles": flags.role.join(",") }),
          },
        });
      const configuration = read();
      const { config } = configuration;
      const { startNode } = await import("../node.ts");
      const { ensureDemo } = await import("../demo.ts");
      const { serveUntilSignal } = await import("../stop-signal.ts");
      const { dataFolder } = config.get(nodeOptions);
      let demo: Demo = { isNew: false, accounts: [] };
      const node = await startNode(config, {
        beforeListening: async (context) => {
          demo = await ensureDemo(context, dataFolder, flags.password, systemRandom);
        },
      });
      if (flags.password !== undefined && demo.accounts.some(({ password }) => password === null)) {
        output.note("The demo users are there already and have other passwords: --password was not used.");
      }
      if (output.json) {
        output.printJson({
          endpoints: node.endpoints,
          accounts: demo.accounts,
        });
      } else output.print(welcomeText(node.endpoints, demo, dataFolder));
      const followed = { logs: node.platform.logs, log: node.log, reload: () => node.reload() };
      const reload = followLogLevels(followed, configuration, read);
      await serveUntilSignal({ stop: () => node.stop(), reload }, node.log);
      // Sockets of peers that never close would keep the process; everything accepted is on disk.
      process.exit();
    });
}

function parsePortBase(text: string): number {
  const base = parsePort(text);
  if (base > MAX_PORT_BASE) throw new InvalidArgumentError(`Expected 0 to ${MAX_PORT_BASE}.`);
  return base;
}

function collectRole(value: string, previous: readonly string[] | undefined): readonly string[] {
  const role = ROLES.find((known) => known === value);
  if (role === undefined) throw new InvalidArgumentError(`Allowed choices are ${ROLES.join(", ")}.`);
  return collect(role, previous);
}
