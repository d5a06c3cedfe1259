/** Accounts in the embedded database. */
import { createHmac } from "node:crypto";
import { SqliteError } from "better-sqlite3";
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import type { Log } from "../base/log.ts";
import { Lru } from "../base/lru.ts";
import { prepare } from "../wire/sasl/prepare.ts";
import { SCRAM_KEY_BYTES, type ScramKeys } from "../wire/sasl/scram-keys.ts";
import type { Account, AccountSource, PasswordVerdict, ScramSource } from "./account-source.ts";
import { configuredDomain, parseAddress, printAddress, userIdOf } from "./address.ts";
import { normalAppPassword } from "./app-password.ts";
import type { EmbeddedDatabase, UserRow } from "./embedded-database.ts";
import { SALT_BYTES } from "./password-hash.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import { AuthError, type User } from "./port.ts";

export interface EmbeddedSettings {
  readonly defaultdomain: string;
  readonly domains: readonly string[];
  readonly admins: readonly string[];
  readonly proxyservers: readonly string[];
  readonly defaultQuotaBytes: number;
  readonly plusSeparator: string;
  readonly credentialCacheUsers: number;
}

/** One process owns a data folder; should another write all the same, it is noticed after this time. */
const FOREIGN_CHECK_MS = 1000;
/** `last used` of an app password is kept to the hour, so that logins do not write. */
const LAST_USED_GRANULARITY_MS = 3_600_000;
const FALLBACK_DOMAIN = "localhost";
const DEFAULT_DOMAIN_KEY = "default_domain";
/** Makes the salts of users that have no keys: they must stay the same, and nobody may be able to compute them. */
const DECOY_KEY = "scram_decoy_key";

interface EmbeddedAccount extends Account {
  readonly row: UserRow;
}

export class EmbeddedSource implements AccountSource, ScramSource {
  readonly #database: EmbeddedDatabase;
  readonly #hasher: PasswordHasher;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #settings: EmbeddedSettings;
  readonly #domains: ReadonlySet<string>;
  readonly #admins: ReadonlySet<string>;
  readonly #proxies: ReadonlySet<string>;
  readonly #decoyKey: Buffer;
  #defaultDomain: string;
  /** Accounts as found under the names that clients use, until anything in the database changes. */
  readonly #known: Lru<string, EmbeddedAccount>;
  #knownAt: number | undefined;
  #foreignAt: number | undefined;
  #foreignCheckMs = Number.NEGATIVE_INFINITY;

  constructor(
    database: EmbeddedDatabase,
    hasher: PasswordHasher,
    io: { readonly clock: Clock; readonly random: Random },
    settings: EmbeddedSettings,
    log: Log,
  ) {
    this.#log = log;
    this.#database = database;
    this.#hasher = hasher;
    this.#clock = io.clock;
    this.#settings = settings;
    this.#known = new Lru({ maxEntries: settings.credentialCacheUsers });
    this.#defaultDomain =
      settings.defaultdomain === "" ? this.#storedDefaultDomain() : configuredDomain(settings.defaultdomain);
    this.#domains = new Set(settings.domains.map(configuredDomain));
    this.#admins = this.#userIds(settings.admins);
    this.#proxies = this.#userIds(settings.proxyservers);
    if (database.hasUserIn(this.#defaultDomain)) {
      log.warn("users of the default domain have ids with a domain part: rename them", {
        defaultDomain: this.#defaultDomain,
      });
    }
    this.#decoyKey = database.meta(DECOY_KEY) ?? io.random.bytes(SCRAM_KEY_BYTES);
    if (database.meta(DECOY_KEY) === undefined) database.setMeta(DECOY_KEY, this.#decoyKey);
  }

  get scram(): ScramSource {
    return this;
  }

  get defaultDomain(): string {
    return this.#defaultDomain;
  }

  /** Used where the configuration names no default domain. */
  setStoredDefaultDomain(domain: string): void {
    this.#database.setMeta(DEFAULT_DOMAIN_KEY, Buffer.from(domain));
    if (this.#settings.defaultdomain === "") this.#defaultDomain = domain;
  }

  isLocalDomain(domain: string): boolean {
    return domain === this.#defaultDomain || this.#domains.has(domain) || this.#database.hasDomain(domain);
  }

  get configuredDomains(): ReadonlySet<string> {
    return this.#domains;
  }

  async hasUser(userId: string): Promise<boolean> {
    return asked(() => this.#database.hasUser(userId));
  }

  async targetsOf(address: string): Promise<readonly string[] | undefined> {
    return asked(() => {
      let targets = this.#database.targetsOf(address);
      if (targets.length === 0) targets = this.#database.membersAt(address);
      return targets.length === 0 ? undefined : targets;
    });
  }

  async find(nameOrAddress: string): Promise<EmbeddedAccount | undefined> {
    return asked(() => {
      this.#forgetIfChanged();
      const known = this.#known.get(nameOrAddress);
      if (known !== undefined) return known;
      const row = this.#row(nameOrAddress);
      if (row === undefined) return undefined;
      const account = {
        user: this.toUser(row),
        groups: this.#database.groupsOf(row.id),
        credentialVersion: row.credential_version,
        row,
      };
      this.#known.set(nameOrAddress, account);
      return account;
    });
  }

  toUser(row: UserRow): User {
    const { defaultQuotaBytes } = this.#settings;
    const primary = row.user_id.includes("@") ? row.user_id : `${row.user_id}@${this.#defaultDomain}`;
    return {
      userId: row.user_id,
      displayName: row.display_name,
      addresses: [primary, ...this.#database.aliasesOnlyOf(row.user_id)],
      isAdmin: row.is_admin === 1 || this.#admins.has(row.user_id),
      isProxy: row.is_proxy === 1 || this.#proxies.has(row.user_id),
      enabled: row.enabled === 1,
      quotaBytes: row.quota_bytes ?? (defaultQuotaBytes === 0 ? undefined : defaultQuotaBytes),
    };
  }

  async checkPassword(
    account: EmbeddedAccount | undefined,
    password: string,
  ): Promise<PasswordVerdict | undefined> {
    const normal = account && normalAppPassword(password);
    const app = normal && this.#database.appPassword(account.row.id, normal.id);
    if (account !== undefined && normal !== undefined && app !== undefined) {
      if (await this.#hasher.matches(normal.text, app.hash)) {
        this.#noteUse(app.user, app.id, app.last_used_at_ms);
        return { protocols: app.protocols === "" ? [] : app.protocols.split(" ") };
      }
    }
    const hash = account?.row.password_hash;
    if (!(await this.#hasher.matches(password, hash))) return undefined;
    if (account !== undefined && typeof hash === "string" && this.#hasher.isOutdated(hash)) {
      await this.#rehash(account.row, password);
    }
    return { protocols: [] };
  }

  keysOf(
    account: EmbeddedAccount | undefined,
    name: string,
  ): { readonly keys: ScramKeys; readonly real: boolean } {
    const row = account?.row;
    if (row?.scram_salt && row.scram_iterations !== null && row.scram_stored_key && row.scram_server_key) {
      const keys = {
        salt: row.scram_salt,
        iterations: row.scram_iterations,
        storedKey: row.scram_stored_key,
        serverKey: row.scram_server_key,
      };
      return { keys, real: true };
    }
    const made = (what: string): Buffer =>
      createHmac("sha256", this.#decoyKey)
        .update(`${what}\0${this.#nameKey(name)}`)
        .digest();
    const keys = {
      salt: made("salt").subarray(0, SALT_BYTES),
      iterations: this.#hasher.scramIterations,
      storedKey: made("stored"),
      serverKey: made("server"),
    };
    return { keys, real: false };
  }

  close(): Promise<void> {
    this.#database.close();
    return Promise.resolve();
  }

  #forgetIfChanged(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#foreignCheckMs >= FOREIGN_CHECK_MS) {
      this.#foreignCheckMs = nowMs;
      const foreign = this.#database.foreignChanges();
      if (foreign !== this.#foreignAt) this.#known.clear();
      this.#foreignAt = foreign;
    }
    const own = this.#database.ownChanges();
    if (own === this.#knownAt) return;
    this.#known.clear();
    this.#knownAt = own;
  }

  #row(nameOrAddress: string): UserRow | undefined {
    const address = parseAddress(nameOrAddress, this.#defaultDomain);
    if (address === undefined) return undefined;
    const row = this.#database.user(userIdOf(address, this.#defaultDomain));
    if (row !== undefined) return row;
    const [target, ...others] = this.#database.targetsOf(printAddress(address));
    if (target === undefined || others.length > 0) return undefined;
    const aliased = parseAddress(target, this.#defaultDomain);
    return aliased && this.#database.user(userIdOf(aliased, this.#defaultDomain));
  }

  #nameKey(name: string): string {
    const address = parseAddress(name, this.#defaultDomain);
    return address === undefined ? name : printAddress(address);
  }

  #noteUse(user: number, id: string, lastUsedAtMs: number | null): void {
    const nowMs = this.#clock.nowMs();
    if (lastUsedAtMs !== null && nowMs - lastUsedAtMs < LAST_USED_GRANULARITY_MS) return;
    this.#tryWrite("UPDATE app_passwords SET last_used_at_ms = ? WHERE user = ? AND id = ?", nowMs, user, id);
  }

  /** After the configured cost has changed. Not when the password was changed meanwhile. */
  async #rehash(row: UserRow, password: string): Promise<void> {
    const prepared = prepare(password, "query");
    if (prepared === undefined) return;
    const hash = await this.#hasher.hash(prepared);
    const statement = "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?";
    this.#tryWrite(statement, hash, row.id, row.password_hash);
  }

  /** On a full disk people still log in. */
  #tryWrite(statement: string, ...values: readonly (string | number | null)[]): void {
    try {
      this.#database.sql.prepare(statement).run(...values);
    } catch (error) {
      if (!(error instanceof SqliteError)) throw error;
      this.#log.warn("directory not written", { err: error });
    }
  }

  #storedDefaultDomain(): string {
    return this.#database.meta(DEFAULT_DOMAIN_KEY)?.toString() ?? FALLBACK_DOMAIN;
  }

  #userIds(names: readonly string[]): ReadonlySet<string> {
    const ids = names.map((name) => {
      const address = parseAddress(name, this.#defaultDomain);
      if (address === undefined) throw new TypeError(`"${name}" in the configuration is no user`);
      return userIdOf(address, this.#defaultDomain);
    });
    return new Set(ids);
  }
}

/** A database that cannot be read is not the user's fault. */
function asked<Result>(ask: () => Result): Result {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof SqliteError)) throw error;
    throw new AuthError("unavailable", "the directory's database cannot be read", { cause: error });
  }
}
