/**
 * Accounts in LDAP: look-ups by search, passwords by bind. What it cannot do: SCRAM and app passwords (the keys are not
 * ours to have), answering unknown users in the time of a hash (the server does the hashing), and writing.
 */
import type { Clock } from "../../base/io/clock.ts";
import type { Log } from "../../base/log.ts";
import { Lru } from "../../base/lru.ts";
import type { Account, AccountSource, PasswordVerdict } from "../account-source.ts";
import { configuredDomain, parseAddress, printAddress, userIdOf } from "../address.ts";
import type { User } from "../port.ts";
import { fillFilter, firstValueOfDn } from "./filter.ts";
import type { LdapEntry } from "./ldap-connection.ts";
import type { LdapSettings } from "./ldap-options.ts";
import { LdapPool } from "./ldap-pool.ts";

/** An address or group with more is cut off by the server's answer; the mail is refused for now. */
const MAX_ENTRIES = 1000;
const FALLBACK_DOMAIN = "localhost";

export interface LdapSourceSettings {
  readonly defaultdomain: string;
  readonly domains: readonly string[];
  readonly admins: readonly string[];
  readonly proxyservers: readonly string[];
  readonly defaultQuotaBytes: number;
}

interface LdapAccount extends Account {
  readonly dn: string;
}

export class LdapSource implements AccountSource {
  readonly scram = undefined;
  readonly defaultDomain: string;
  readonly #ldap: LdapSettings;
  readonly #defaultQuotaBytes: number;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #domains: ReadonlySet<string>;
  readonly #admins: ReadonlySet<string>;
  readonly #proxies: ReadonlySet<string>;
  readonly #searches: LdapPool;
  readonly #binds: LdapPool;
  readonly #accounts: Lru<string, { readonly account: LdapAccount; readonly expiresMs: number }>;

  constructor(ldap: LdapSettings, settings: LdapSourceSettings, io: { readonly clock: Clock }, log: Log) {
    this.#ldap = ldap;
    this.#clock = io.clock;
    this.#log = log;
    this.defaultDomain = configuredDomain(
      settings.defaultdomain === "" ? FALLBACK_DOMAIN : settings.defaultdomain,
    );
    this.#domains = new Set([this.defaultDomain, ...settings.domains.map(configuredDomain)]);
    this.#admins = new Set(settings.admins.map((name) => this.#userId(name) ?? name));
    this.#proxies = new Set(settings.proxyservers.map((name) => this.#userId(name) ?? name));
    this.#defaultQuotaBytes = settings.defaultQuotaBytes;
    this.#accounts = new Lru({ maxEntries: ldap.cacheUsers });
    const half = Math.max(1, Math.floor(ldap.maxConnections / 2));
    this.#searches = new LdapPool(ldap, io.clock, log, {
      as: "searcher",
      maxConnections: Math.max(1, ldap.maxConnections - half),
    });
    this.#binds = new LdapPool(ldap, io.clock, log, { as: "nobody", maxConnections: half });
  }

  isLocalDomain(domain: string): boolean {
    return this.#domains.has(domain);
  }

  async hasUser(userId: string): Promise<boolean> {
    return (await this.find(userId))?.user.userId === userId;
  }

  async find(nameOrAddress: string): Promise<LdapAccount | undefined> {
    const address = parseAddress(nameOrAddress, this.defaultDomain);
    if (address === undefined || address.local === "" || !this.isLocalDomain(address.domain))
      return undefined;
    const key = printAddress(address);
    const nowMs = this.#clock.monotonicMs();
    const known = this.#accounts.get(key);
    if (known !== undefined && nowMs < known.expiresMs) return known.account;

    const { userFilter, addressFilter } = this.#ldap;
    const entry = (await this.#onlyUser(userFilter, key)) ?? (await this.#onlyUser(addressFilter, key));
    const account = entry && (await this.#toAccount(entry));
    if (account === undefined) this.#accounts.delete(key);
    else this.#accounts.set(key, { account, expiresMs: nowMs + this.#ldap.cacheTimeMs });
    return account;
  }

  async checkPassword(
    account: LdapAccount | undefined,
    password: string,
  ): Promise<PasswordVerdict | undefined> {
    // A DN that does not exist costs the same round trip.
    const dn = account?.dn ?? `${this.#ldap.userAttribute}=-,${this.#ldap.base}`;
    const isRight = await this.#binds.use((connection) => connection.checkPassword(dn, password));
    return isRight && account !== undefined ? { protocols: [] } : undefined;
  }

  async targetsOf(address: string): Promise<readonly string[] | undefined> {
    const users = await this.#users(this.#ldap.addressFilter, address, MAX_ENTRIES);
    const userIds = users.flatMap((entry) => this.#userIdOf(entry) ?? []);
    if (userIds.length > 0) return userIds;
    if (this.#ldap.groupAddressFilter === "" || this.#ldap.groupBase === "") return undefined;
    const groups = await this.#search(
      this.#ldap.groupBase,
      fillFilter(this.#ldap.groupAddressFilter, valuesOf(address, address)),
      MAX_ENTRIES,
      [this.#ldap.groupMemberAttribute],
    );
    if (groups.length === 0) return undefined;
    const members = new Set(groups.flatMap((group) => texts(group, this.#ldap.groupMemberAttribute)));
    const targets: string[] = [];
    for (const dn of [...members].slice(0, MAX_ENTRIES)) {
      const [entry] = await this.#search(dn, "(objectClass=*)", 1, [this.#ldap.userAttribute], "base");
      const userId = entry && this.#userIdOf(entry);
      if (userId !== undefined) targets.push(userId);
    }
    return targets;
  }

  close(): Promise<void> {
    this.#searches.close();
    this.#binds.close();
    return Promise.resolve();
  }

  async #onlyUser(template: string, address: string): Promise<LdapEntry | undefined> {
    const [entry, ...others] = await this.#users(template, address, 2);
    if (others.length === 0) return entry;
    this.#log.warn("ldap name is ambiguous", { address });
    return undefined;
  }

  async #users(template: string, address: string, limit: number): Promise<readonly LdapEntry[]> {
    const userId = this.#userId(address) ?? address;
    const {
      base,
      userAttribute,
      nameAttribute,
      mailAttribute,
      aliasAttribute,
      quotaAttribute,
      memberOfAttribute,
    } = this.#ldap;
    const attributes = [
      userAttribute,
      nameAttribute,
      mailAttribute,
      aliasAttribute,
      quotaAttribute,
      memberOfAttribute,
    ];
    return this.#search(base, fillFilter(template, valuesOf(address, userId)), limit, attributes);
  }

  #search(
    base: string,
    filter: string,
    sizeLimit: number,
    attributes: readonly string[],
    scope: "sub" | "base" = "sub",
  ): Promise<readonly LdapEntry[]> {
    const wanted = attributes.filter((name) => name !== "");
    return this.#searches.use(async (connection) => {
      try {
        return await connection.search(base, { filter, scope, sizeLimit, attributes: wanted });
      } catch (error) {
        // A group's member, or a whole subtree, that is not there.
        if (error instanceof Error && error.name === "NoSuchObjectError") return [];
        throw error;
      }
    });
  }

  async #toAccount(entry: LdapEntry): Promise<LdapAccount | undefined> {
    const userId = this.#userIdOf(entry);
    if (userId === undefined) return undefined;
    const groups = await this.#groupsOf(entry, userId);
    const { adminGroup, proxyGroup } = this.#ldap;
    const quotaBytes = Number(texts(entry, this.#ldap.quotaAttribute)[0] ?? this.#defaultQuotaBytes);
    const user: User = {
      userId,
      displayName: texts(entry, this.#ldap.nameAttribute)[0] ?? "",
      addresses: this.#addressesOf(entry, userId),
      isAdmin: this.#admins.has(userId) || (adminGroup !== "" && groups.includes(adminGroup.toLowerCase())),
      isProxy: this.#proxies.has(userId) || (proxyGroup !== "" && groups.includes(proxyGroup.toLowerCase())),
      enabled: !(await this.#isDisabled(entry)),
      quotaBytes: Number.isSafeInteger(quotaBytes) && quotaBytes > 0 ? quotaBytes : undefined,
    };
    return { user, groups, credentialVersion: 0, dn: entry.dn };
  }

  async #isDisabled(entry: LdapEntry): Promise<boolean> {
    const { disabledFilter, userAttribute } = this.#ldap;
    if (disabledFilter === "") return false;
    return (await this.#search(entry.dn, disabledFilter, 1, [userAttribute], "base")).length > 0;
  }

  async #groupsOf(entry: LdapEntry, userId: string): Promise<readonly string[]> {
    const { memberOfAttribute, groupBase, groupFilter, groupAttribute } = this.#ldap;
    let names: string[] = [];
    if (memberOfAttribute !== "") {
      names = texts(entry, memberOfAttribute).flatMap((dn) => firstValueOfDn(dn) ?? []);
    } else if (groupBase !== "") {
      const filter = fillFilter(groupFilter, { dn: entry.dn, user: userId });
      const groups = await this.#search(groupBase, filter, MAX_ENTRIES, [groupAttribute]);
      names = groups.flatMap((group) => texts(group, groupAttribute)[0] ?? []);
    }
    return [...new Set(names.map((name) => name.normalize("NFC").toLowerCase()))].sort();
  }

  #addressesOf(entry: LdapEntry, userId: string): readonly string[] {
    const own = userId.includes("@") ? userId : `${userId}@${this.defaultDomain}`;
    const listed = [...texts(entry, this.#ldap.mailAttribute), ...texts(entry, this.#ldap.aliasAttribute)]
      .map((text) => parseAddress(text, this.defaultDomain))
      .filter((address) => address !== undefined && address.local !== "")
      .map((address) => printAddress(address as NonNullable<typeof address>));
    return listed.length === 0 ? [own] : [...new Set(listed)];
  }

  #userIdOf(entry: LdapEntry): string | undefined {
    const name = texts(entry, this.#ldap.userAttribute)[0];
    return name === undefined ? undefined : this.#userId(name);
  }

  #userId(name: string): string | undefined {
    const address = parseAddress(name, this.defaultDomain);
    return address && userIdOf(address, this.defaultDomain);
  }
}

function valuesOf(address: string, userId: string): Record<string, string> {
  const at = address.lastIndexOf("@");
  return { address, user: userId, local: address.slice(0, at), domain: address.slice(at + 1) };
}

/** Values of an attribute, whatever case the server writes its name in. */
function texts(entry: LdapEntry, attribute: string): readonly string[] {
  if (attribute === "") return [];
  const wanted = attribute.toLowerCase();
  const key = Object.keys(entry).find((name) => name !== "dn" && name.toLowerCase() === wanted);
  const value = key === undefined ? undefined : entry[key];
  const values = Array.isArray(value) ? value : value === undefined ? [] : [value];
  return values.map(String);
}
