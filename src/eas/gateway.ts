/** The gateway as main/ (and a test) puts it together: settings and implementations in, HTTP routes out. */
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import type { RoomMetrics } from "../base/metrics.ts";
import type { HttpRoutes } from "../http/http.ts";
import type { Accounts } from "./account/port.ts";
import type { Command } from "./command.ts";
import { commandTable } from "./commands/table.ts";
import type { TraceFiles } from "./devices/trace.ts";
import type { ItemClass } from "./item-class.ts";
import { type LogNames, openRequestLogs } from "./logs/request-logs.ts";
import { easMetrics } from "./metrics.ts";
import type { EasSettings } from "./options.ts";
import type { PolicySettings } from "./policy/options.ts";
import { Policy } from "./policy/policy.ts";
import { easRoutes } from "./routes.ts";
import { EasServer } from "./server.ts";
import type { DeviceStates } from "./state/port.ts";
import type { RequestNews } from "./state/request-news.ts";

export interface GatewayParts {
  readonly accounts: Accounts;
  readonly states: DeviceStates;
  /** Of the other gateways over the same states. */
  readonly news?: RequestNews | undefined;
  /** Rejects while devices cannot be served: without their tables (S2.32), or without their database. */
  readonly ready?: () => Promise<void>;
  readonly classes: readonly ItemClass[];
  readonly settings: EasSettings;
  readonly policy: PolicySettings;
  readonly clock: Clock;
  readonly random: Random;
  readonly logs: LogNames;
  readonly metrics: RoomMetrics;
  readonly traces: TraceFiles;
  /** Items that another version left out are tried again. */
  readonly programVersion?: string;
  /** Instead of the command of the same name, or besides all: for tests. */
  readonly moreCommands?: readonly Command[];
}

export interface Gateway {
  readonly server: EasServer;
  readonly routes: HttpRoutes;
  /** Ends held requests and refuses new ones. */
  shutDown(): void;
}

export function openGateway(parts: GatewayParts): Gateway {
  const { accounts, states, settings, clock, random, classes, metrics } = parts;
  const { policy, programVersion = "" } = parts;
  const commands = new Map(commandTable({ clock, random, settings, policy, classes, programVersion }));
  for (const command of parts.moreCommands ?? []) commands.set(command.name, command);
  const server = new EasServer({
    accounts,
    states,
    news: parts.news,
    ready: parts.ready ?? (() => Promise.resolve()),
    commands,
    policy: new Policy(policy),
    settings,
    clock,
    logs: openRequestLogs(parts.logs),
    metrics: easMetrics(metrics),
    traces: parts.traces,
  });
  metrics.gauge("requests", "Requests worked on or waiting for their turn.", () => server.requestCount);
  metrics.gauge("held_requests", "Pings and Syncs that wait for a change.", () => server.heldCount);
  return { server, routes: easRoutes(server), shutDown: () => server.shutDown() };
}
