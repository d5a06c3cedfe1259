/**
 * The commands of the ActiveSync gateway over a real store and real device states, called without HTTP: time passes only
 * when a test says so. A second gateway over the same store and states is one more `EasTrial.gateway()`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/base/io/random.ts";
import { SqliteDatabase } from "../../src/base/io/sql/sqlite.ts";
import { updateSchema } from "../../src/base/io/sql/schema.ts";
import { type LogLevel, Logs } from "../../src/base/log.ts";
import type { Directory } from "../../src/directory/port.ts";
import { searchMail } from "../../src/eas/account/local/search.ts";
import { LocalAccount } from "../../src/eas/account/local/local-account.ts";
import type { LocalServices, LocalUser } from "../../src/eas/account/local/services.ts";
import { TreeWatch } from "../../src/eas/account/local/tree-watch.ts";
import { type Account, AccountError } from "../../src/eas/account/port.ts";
import type { Command, EasAnswer, EasRequest } from "../../src/eas/command.ts";
import type { CommandServices } from "../../src/eas/commands/services.ts";
import { commandTable } from "../../src/eas/commands/table.ts";
import { type Element, parseElement } from "../../src/eas/element.ts";
import type { ItemClass } from "../../src/eas/item-class.ts";
import { EmailClass } from "../../src/eas/mail/email-class.ts";
import { SCHEMA_NAME, schemaVersions } from "../../src/eas/state/schema.ts";
import { SqlStates } from "../../src/eas/state/sql-states.ts";
import type { EasSettings } from "../../src/eas/options.ts";
import { printVersion, type ProtocolVersion } from "../../src/eas/version.ts";
import { DEFAULT_NAMESPACE } from "../../src/store/namespace.ts";
import { inboxOf } from "../../src/store/names.ts";
import type { Store } from "../../src/store/port.ts";
import { WbxmlWriter } from "../../src/wire/wbxml/writer.ts";
import type { SimClock } from "../sim/sim-clock.ts";
import { easSettings, policySettings } from "./eas-host.ts";
import { assertSchema } from "./eas-schema.ts";
import { openInlineStore } from "./inline-store.ts";

const EXPIRY_MS = 30 * 86_400_000;
const SPECIAL_FOLDERS = ["Drafts", "Sent", "Trash"];

export interface EasTrialOptions {
  readonly settings?: Partial<EasSettings>;
  /** Wraps the class Email: for tests of what a bad item does. */
  readonly wrapClass?: (email: ItemClass) => ItemClass;
}

export interface CallOptions {
  readonly version?: ProtocolVersion;
  readonly deviceId?: string;
  readonly userId?: string;
  readonly signal?: AbortSignal;
  /** For requests whose wrong ids come back in the answer. */
  readonly anySchema?: boolean;
}

export interface TrialGateway {
  /** Undefined = an empty 200. */
  call(
    name: string,
    build: ((writer: WbxmlWriter) => void) | undefined,
    options?: CallOptions,
  ): Promise<Element | undefined>;
  answer(
    name: string,
    build: ((writer: WbxmlWriter) => void) | undefined,
    options?: CallOptions,
  ): Promise<EasAnswer>;
}

export class EasTrial {
  readonly store: Store;
  readonly clock: SimClock;
  readonly states: SqlStates;
  readonly events: Record<string, unknown>[] = [];
  readonly #options: EasTrialOptions;
  readonly #tree: TreeWatch;
  readonly email: EmailClass;
  readonly #close: () => Promise<void>;
  readonly #logs: Logs;
  #onHeld: (() => void) | undefined;

  private constructor(parts: {
    store: Store;
    clock: SimClock;
    states: SqlStates;
    options: EasTrialOptions;
    close: () => Promise<void>;
  }) {
    this.store = parts.store;
    this.clock = parts.clock;
    this.states = parts.states;
    this.#options = parts.options;
    this.#close = parts.close;
    this.#tree = new TreeWatch(this.store);
    this.email = new EmailClass({ clock: this.clock, random: systemRandom });
    const level: LogLevel = "debug";
    this.#logs = new Logs({
      level,
      format: "json",
      destination: (line) => this.events.push(JSON.parse(line) as Record<string, unknown>),
    });
  }

  /** With INBOX, Drafts, Sent and Trash of alice and of bob. */
  static async open(options: EasTrialOptions = {}): Promise<EasTrial> {
    const inline = await openInlineStore();
    const { store, clock } = inline;
    const folder = mkdtempSync(join(tmpdir(), "rookery-eas-"));
    const database = await SqliteDatabase.open(join(folder, "states.sqlite"));
    await updateSchema(database, SCHEMA_NAME, schemaVersions);
    const log = new Logs({ level: "silent", format: "json", destination: () => {} }).named("eas");
    const states = new SqlStates({ database, clock, log, expiryMs: EXPIRY_MS });
    for (const user of ["alice", "bob"]) {
      await store.create(inboxOf(user), {});
      for (const name of SPECIAL_FOLDERS) {
        await store.create(`${inboxOf(user)}.${name}`, { specialUse: [name.toLowerCase()] });
      }
    }
    return new EasTrial({
      store,
      clock,
      states,
      options,
      async close() {
        await states.close();
        await inline.close();
        rmSync(folder, { recursive: true, force: true });
      },
    });
  }

  account(userId = "alice"): Account {
    const refuse = (): Promise<never> =>
      Promise.reject(new AccountError("unavailable", "neither sending nor words are here"));
    const user: LocalUser = {
      userId,
      isAdmin: false,
      groups: [],
      by: { userId, sessionId: 0 },
      user: {
        userId,
        displayName: userId,
        addresses: [`${userId}@example.test`],
        isAdmin: false,
        isProxy: false,
        enabled: true,
        quotaBytes: undefined,
      },
    };
    const services: LocalServices = {
      store: this.store,
      directory: {} as Directory,
      provision: () => Promise.resolve(),
      namespace: DEFAULT_NAMESPACE,
      clock: this.clock,
      log: this.#logs.named("eas"),
      tree: this.#tree,
      mailActions: (own) => ({
        send: refuse,
        // Conversations are found without the text index.
        searchMail: (query) => searchMail(services, own, { search: refuse, candidates: refuse }, query),
        searchDirectory: refuse,
        photo: refuse,
        vacation: refuse,
        setVacation: refuse,
      }),
    };
    return new LocalAccount(services, user);
  }

  /** Resolves when a request goes to sleep: call it before the request. */
  nextHeld(): Promise<void> {
    return new Promise((resolve) => {
      this.#onHeld = () => {
        this.#onHeld = undefined;
        resolve();
      };
    });
  }

  /** One more gateway process over the same store and states. */
  gateway(programVersion = "1"): TrialGateway {
    const email = this.#options.wrapClass?.(this.email) ?? this.email;
    const services: CommandServices = {
      clock: this.clock,
      random: systemRandom,
      settings: easSettings(this.#options.settings),
      policy: policySettings(),
      classes: [email],
      programVersion,
    };
    const commands = commandTable(services);
    const answer: TrialGateway["answer"] = (name, build, options = {}) => {
      const command = commands.get(name);
      if (command === undefined) throw new Error(`no command ${name}`);
      return this.#run(command, build, options);
    };
    return {
      answer,
      async call(name, build, options) {
        const answered = await answer(name, build, options);
        if (answered.kind === "empty") return undefined;
        if (answered.kind !== "wbxml") throw new Error(`${name} got ${JSON.stringify(answered)}`);
        return parseElement(answered.bytes);
      },
    };
  }

  async #run(
    command: Command,
    build: ((writer: WbxmlWriter) => void) | undefined,
    { version = 161, deviceId = "PHONE1", userId = "alice", signal, anySchema = false }: CallOptions,
  ): Promise<EasAnswer> {
    const writer = new WbxmlWriter();
    build?.(writer);
    const body = build === undefined ? Buffer.alloc(0) : Buffer.from(writer.finish());
    const request: EasRequest = {
      command: command.name,
      version,
      device: { userId, deviceId, deviceType: "Test", userAgent: "Test/1" },
      account: this.account(userId),
      states: this.states,
      root: build === undefined ? undefined : parseElement(body),
      body,
      parameters: new Map(),
      acceptMultipart: false,
      signal: signal ?? new AbortController().signal,
      hold: (wait) => {
        const waiting = wait();
        this.#onHeld?.();
        return waiting;
      },
      log: this.#logs.named("eas"),
      summary: { inChange: 0, inDelete: 0, inFetch: 0, outChange: 0, outDelete: 0, outFetch: 0 },
    };
    const answer = await command.run(request);
    if (!anySchema && (answer.kind === "wbxml" || answer.kind === "multipart")) {
      assertSchema(answer.bytes, printVersion(version));
    }
    return answer;
  }

  async close(): Promise<void> {
    this.#tree.close();
    await this.email.close();
    await this.#close();
  }
}
