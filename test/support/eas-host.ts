/** An ActiveSync gateway in this process over HTTP, with users and states of its own: for tests of the frame. */
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { Logs } from "../../src/base/log.ts";
import { Metrics } from "../../src/base/metrics.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type Account, AccountError, type Accounts, type Vacation } from "../../src/eas/account/port.ts";
import { EasClient, type EasClientSettings } from "../../src/eas/client.ts";
import type { Command } from "../../src/eas/command.ts";
import { type Gateway, openGateway } from "../../src/eas/gateway.ts";
import { easOptions, type EasSettings } from "../../src/eas/options.ts";
import { policyOptions, type PolicySettings } from "../../src/eas/policy/options.ts";
import type { DeviceStates } from "../../src/eas/state/port.ts";
import type { RequestNews } from "../../src/eas/state/request-news.ts";
import { type HttpRoutes, listenHttp } from "../../src/http/http.ts";
import { MemoryStates } from "./memory-states.ts";

export interface EasHostOptions {
  readonly settings?: Partial<EasSettings>;
  readonly policy?: Partial<PolicySettings>;
  readonly commands?: readonly Command[];
  readonly accounts?: Accounts;
  readonly states?: DeviceStates;
  /** Of other gateways over the same states. */
  readonly news?: RequestNews;
  readonly logLevel?: "debug" | "info";
  readonly moreRoutes?: readonly HttpRoutes[];
}

export interface EasHost {
  readonly url: string;
  readonly gateway: Gateway;
  readonly states: DeviceStates;
  readonly metrics: Metrics;
  /** Parsed log lines. */
  readonly events: readonly Record<string, unknown>[];
  /** What was traced, by user and device. */
  readonly traces: ReadonlyMap<string, string>;
  /** Of alice, unless the settings say otherwise; closed with the host. */
  readonly client: (settings?: Partial<EasClientSettings>) => EasClient;
  close(): Promise<void>;
}

export function easSettings(changes: Partial<EasSettings> = {}): EasSettings {
  return { ...config.get(easOptions), ...changes };
}

export function policySettings(changes: Partial<PolicySettings> = {}): PolicySettings {
  return { ...config.get(policyOptions), ...changes };
}

const config = loadConfig([easOptions, policyOptions], { readText: () => "", folder: "/" });

export async function startEasHost(options: EasHostOptions = {}): Promise<EasHost> {
  const events: Record<string, unknown>[] = [];
  const traces = new Map<string, string>();
  const states = options.states ?? new MemoryStates(() => systemClock.nowMs());
  const metrics = new Metrics();
  const logs = new Logs({
    level: options.logLevel ?? "debug",
    format: "json",
    destination: (line) => events.push(JSON.parse(line) as Record<string, unknown>),
  });
  const gateway = openGateway({
    accounts: options.accounts ?? new TestAccounts(),
    states,
    news: options.news,
    classes: [],
    settings: easSettings(options.settings),
    policy: policySettings(options.policy),
    clock: systemClock,
    random: systemRandom,
    logs: (name) => logs.named(name),
    metrics: metrics.room("eas"),
    traces: {
      append: (userId, deviceId, text) => {
        const key = `${userId}/${deviceId}`;
        traces.set(key, (traces.get(key) ?? "") + text);
      },
    },
    moreCommands: options.commands ?? [],
  });
  const listener = await listenHttp({
    host: "127.0.0.1",
    port: 0,
    routes: [gateway.routes, ...(options.moreRoutes ?? [])],
    log: logs.named("http"),
    metrics: metrics.room("http"),
  });
  const url = `http://127.0.0.1:${listener.port}`;
  const clients: EasClient[] = [];
  return {
    url,
    gateway,
    states,
    metrics,
    events,
    traces,
    client(settings = {}) {
      const client = new EasClient({ url, user: "alice", password: "secret", ...settings });
      clients.push(client);
      return client;
    },
    async close() {
      gateway.shutDown();
      for (const client of clients) client.close();
      await listener.close();
    },
  };
}

/** alice and bob, both with the password "secret". */
export class TestAccounts implements Accounts {
  readonly vacations = new Map<string, Vacation>();
  /** What the next log-in fails with. */
  failure: AccountError | undefined;

  open(name: string, password: string): Promise<Account> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const userId = name.replace(/^.*\\/, "").replace(/@.*$/, "");
    if (!["alice", "bob"].includes(userId) || password !== "secret") {
      return Promise.reject(new AccountError("credentials_invalid", "wrong name or password"));
    }
    return Promise.resolve(this.#account(userId));
  }

  #account(userId: string): Account {
    const none = (): never => {
      throw new AccountError("unavailable", "there is no mailbox here");
    };
    return {
      userId,
      displayName: userId === "alice" ? "Alice Example" : "",
      addresses: [`${userId}@example.test`, `${userId}.example@example.test`],
      folders: none,
      createFolder: none,
      renameFolder: none,
      deleteFolder: none,
      emptyFolder: none,
      openMail: none,
      watch: none,
      searchMail: none,
      searchDirectory: none,
      photo: none,
      send: none,
      vacation: () =>
        Promise.resolve(
          this.vacations.get(userId) ?? {
            enabled: false,
            startsAt: undefined,
            endsAt: undefined,
            internal: undefined,
            externalKnown: undefined,
            externalUnknown: undefined,
          },
        ),
      setVacation: (vacation) => {
        this.vacations.set(userId, vacation);
        return Promise.resolve();
      },
      release: () => undefined,
    };
  }
}
