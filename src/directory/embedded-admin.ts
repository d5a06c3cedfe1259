/** The write side of the embedded directory: checks a change, makes it in one durable transaction. */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import { canonicalDomain, isValidUserName, printAddress, splitDetail, userIdOf } from "./address.ts";
import { DirectoryError } from "./admin.ts";
import type {
  Alias,
  AppPassword,
  CreatedAppPassword,
  DirectoryAdmin,
  Domain,
  Group,
  NewAppPassword,
  NewUser,
  UserFilter,
} from "./admin.ts";
import { EmbeddedAppPasswords } from "./embedded-app-passwords.ts";
import type { EmbeddedDatabase, UserRow } from "./embedded-database.ts";
import { newCredentialVersion } from "./credential-version.ts";
import { EmbeddedNames } from "./embedded-names.ts";
import { EmbeddedNewUsers } from "./embedded-new-users.ts";
import { secretsOf, storeSecrets } from "./embedded-secrets.ts";
import type { EmbeddedSource } from "./embedded-source.ts";
import type { PasswordHasher } from "./password-hasher.ts";
import type { User } from "./port.ts";

export const MAX_ALIAS_TARGETS = 1000;

export interface EmbeddedAdminParts {
  readonly database: EmbeddedDatabase;
  readonly source: EmbeddedSource;
  readonly hasher: PasswordHasher;
  readonly io: { readonly clock: Clock; readonly random: Random };
  readonly plusSeparator: string;
}

export class EmbeddedAdmin implements DirectoryAdmin {
  readonly #parts: EmbeddedAdminParts;
  readonly #names: EmbeddedNames;
  readonly #appPasswords: EmbeddedAppPasswords;
  readonly #newUsers: EmbeddedNewUsers;

  constructor(parts: EmbeddedAdminParts) {
    this.#parts = parts;
    this.#names = new EmbeddedNames(parts.database, parts.source, parts.plusSeparator);
    this.#appPasswords = new EmbeddedAppPasswords(parts, this.#names);
    this.#newUsers = new EmbeddedNewUsers(parts, this.#names);
  }

  async addUser(user: NewUser): Promise<User> {
    const [added] = await this.addUsers([user]);
    if (added instanceof DirectoryError) throw added;
    assert(added !== undefined, "a user is added or refused");
    return added;
  }

  addUsers(users: readonly NewUser[]): Promise<readonly (User | DirectoryError)[]> {
    return this.#newUsers.add(users);
  }

  async removeUser(name: string): Promise<void> {
    const { database } = this.#parts;
    database.write(() => {
      const row = this.#names.row(name);
      database.sql.prepare("DELETE FROM users WHERE id = ?").run(row.id);
      for (const target of this.#names.targetsNaming(row.user_id)) {
        database.sql.prepare("DELETE FROM alias_targets WHERE target = ?").run(target);
      }
    });
  }

  async setPassword(name: string, password: string): Promise<void> {
    this.#names.row(name);
    const secrets = await secretsOf(password, this.#parts.hasher);
    this.#parts.database.write(() =>
      storeSecrets(this.#parts.database, this.#names.row(name), secrets, this.#newVersion()),
    );
  }

  async renameUser(name: string, newName: string): Promise<User> {
    const { database, source } = this.#parts;
    const address = this.#names.newAddress(newName);
    const userId = userIdOf(address, this.#defaultDomain);
    return database.write(() => {
      const row = this.#names.row(name);
      if (row.user_id === userId) return source.toUser(row);
      if (database.hasUser(userId)) throw new DirectoryError("user_exists", `user "${userId}" exists`);
      this.#names.refuseTaken(printAddress(address));
      database.sql.prepare("UPDATE users SET user_id = ? WHERE id = ?").run(userId, row.id);
      const update = database.sql.prepare("UPDATE OR REPLACE alias_targets SET target = ? WHERE target = ?");
      for (const target of this.#names.targetsNaming(row.user_id)) {
        const { detail } = splitDetail(target.split("@", 1)[0] ?? "", this.#parts.plusSeparator);
        update.run(this.#names.withDetail(userId, detail), target);
      }
      return source.toUser(this.#names.row(userId));
    });
  }

  async listUsers(filter: UserFilter = {}): Promise<readonly User[]> {
    const { database, source } = this.#parts;
    const rows = database.sql.prepare<[], UserRow>("SELECT * FROM users ORDER BY user_id").all();
    const domain = filter.domain === undefined ? undefined : knownDomain(filter.domain);
    return rows
      .filter((row) => domain === undefined || this.#names.domainOf(row.user_id) === domain)
      .map((row) => source.toUser(row));
  }

  async setEnabled(name: string, enabled: boolean): Promise<void> {
    this.#update(name, "enabled = ?, credential_version = ?", bit(enabled), this.#newVersion());
  }

  async setAdmin(name: string, isAdmin: boolean): Promise<void> {
    this.#update(name, "is_admin = ?", bit(isAdmin));
  }

  async setProxy(name: string, isProxy: boolean): Promise<void> {
    this.#update(name, "is_proxy = ?", bit(isProxy));
  }

  async setDisplayName(name: string, displayName: string): Promise<void> {
    this.#update(name, "display_name = ?", displayName);
  }

  async setQuota(name: string, quotaBytes: number | undefined): Promise<void> {
    this.#update(name, "quota_bytes = ?", quotaBytes ?? null);
  }

  async addDomain(domain: string, options: { readonly isDefault?: boolean } = {}): Promise<void> {
    const { database, source } = this.#parts;
    const name = knownDomain(domain);
    database.write(() => {
      const isKnown = database.hasDomain(name);
      if (options.isDefault === true && name !== source.defaultDomain) {
        // User ids depend on the default domain: those in either domain would change their owner.
        const affected = database.sql
          .prepare("SELECT 1 FROM users WHERE user_id NOT LIKE '%@%' OR user_id LIKE ? LIMIT 1")
          .get(`%@${name}`);
        if (affected !== undefined) {
          throw new DirectoryError(
            "default_domain_in_use",
            `"${name}" cannot become the default domain: there are users in "${source.defaultDomain}" or "${name}"`,
          );
        }
      } else if (isKnown) {
        throw new DirectoryError("domain_exists", `domain "${name}" exists`);
      }
      if (!isKnown) database.sql.prepare("INSERT INTO domains (name) VALUES (?)").run(name);
      if (options.isDefault === true) source.setStoredDefaultDomain(name);
    });
  }

  async listDomains(): Promise<readonly Domain[]> {
    const { database, source } = this.#parts;
    const stored = database.sql.prepare<[], string>("SELECT name FROM domains").pluck().all();
    const counts = new Map<string, number>();
    for (const userId of database.sql.prepare<[], string>("SELECT user_id FROM users").pluck().iterate()) {
      const domain = this.#names.domainOf(userId);
      counts.set(domain, (counts.get(domain) ?? 0) + 1);
    }
    const names = new Set([source.defaultDomain, ...source.configuredDomains, ...stored]);
    return [...names]
      .sort()
      .map((name) => ({ name, isDefault: name === source.defaultDomain, userCount: counts.get(name) ?? 0 }));
  }

  async removeDomain(domain: string): Promise<void> {
    const { database, source } = this.#parts;
    const name = knownDomain(domain);
    database.write(() => {
      if (name === source.defaultDomain) {
        throw new DirectoryError("domain_in_use", `"${name}" is the default domain`);
      }
      const left = database.sql
        .prepare(
          `SELECT 1 FROM users WHERE user_id LIKE :end UNION SELECT 1 FROM groups WHERE address LIKE :end
           UNION SELECT 1 FROM alias_targets WHERE address LIKE :end OR target LIKE :end`,
        )
        .get({ end: `%@${name}` });
      if (left !== undefined) {
        throw new DirectoryError("domain_in_use", `users, groups or aliases are left in "${name}"`);
      }
      const { changes } = database.sql.prepare("DELETE FROM domains WHERE name = ?").run(name);
      if (changes === 0) throw new DirectoryError("domain_unknown", `domain "${name}" is not known`);
    });
  }

  async addAlias(address: string, targets: readonly string[]): Promise<Alias> {
    const { database } = this.#parts;
    const canonical = this.#names.aliasAddress(address);
    const added = targets.map((target) => this.#names.target(target));
    return database.write(() => {
      const all = new Set([...database.targetsOf(canonical), ...added]);
      if (all.size === 0) throw new DirectoryError("name_invalid", `alias "${canonical}" has no target`);
      if (all.size > MAX_ALIAS_TARGETS) {
        throw new DirectoryError(
          "too_many",
          `alias "${canonical}" has more than ${MAX_ALIAS_TARGETS} targets`,
        );
      }
      if (!canonical.startsWith("@")) this.#names.refuseTaken(canonical, "alias");
      this.#names.refuseLoop(canonical, added);
      const insert = database.sql.prepare(
        "INSERT OR IGNORE INTO alias_targets (address, target) VALUES (?, ?)",
      );
      for (const target of added) insert.run(canonical, target);
      return { address: canonical, targets: database.targetsOf(canonical) };
    });
  }

  async listAliases(): Promise<readonly Alias[]> {
    const rows = this.#parts.database.sql
      .prepare<[], { readonly address: string; readonly target: string }>(
        "SELECT address, target FROM alias_targets ORDER BY address, target",
      )
      .all();
    const aliases = new Map<string, string[]>();
    for (const { address, target } of rows) {
      const targets = aliases.get(address);
      if (targets === undefined) aliases.set(address, [target]);
      else targets.push(target);
    }
    return Array.from(aliases, ([address, targets]) => ({ address, targets }));
  }

  async removeAlias(address: string, targets?: readonly string[]): Promise<void> {
    const { database } = this.#parts;
    const canonical = this.#names.aliasAddress(address);
    const removed = targets?.map((target) => this.#names.target(target));
    database.write(() => {
      const remove = database.sql.prepare("DELETE FROM alias_targets WHERE address = ? AND target = ?");
      let changes = 0;
      for (const target of removed ?? database.targetsOf(canonical))
        changes += remove.run(canonical, target).changes;
      if (changes === 0) throw new DirectoryError("alias_unknown", `alias "${canonical}" is not known`);
    });
  }

  async addGroup(name: string, options: { readonly address?: string } = {}): Promise<Group> {
    const { database } = this.#parts;
    const group = groupName(name);
    const address =
      options.address === undefined ? undefined : printAddress(this.#names.newAddress(options.address));
    database.write(() => {
      if (this.#groupId(group) !== undefined)
        throw new DirectoryError("group_exists", `group "${group}" exists`);
      if (address !== undefined) this.#names.refuseTaken(address);
      database.sql.prepare("INSERT INTO groups (name, address) VALUES (?, ?)").run(group, address ?? null);
    });
    return { name: group, address, members: [] };
  }

  async listGroups(): Promise<readonly Group[]> {
    const { sql } = this.#parts.database;
    const members = sql
      .prepare<[number], string>(
        "SELECT user_id FROM group_members JOIN users ON users.id = user WHERE group_id = ? ORDER BY user_id",
      )
      .pluck();
    return sql
      .prepare<[], { readonly id: number; readonly name: string; readonly address: string | null }>(
        "SELECT * FROM groups ORDER BY name",
      )
      .all()
      .map(({ id, name, address }) => ({ name, address: address ?? undefined, members: members.all(id) }));
  }

  async removeGroup(name: string): Promise<void> {
    const { sql } = this.#parts.database;
    sql.prepare("DELETE FROM groups WHERE id = ?").run(this.#knownGroup(name));
  }

  async addMember(group: string, user: string): Promise<void> {
    const { sql } = this.#parts.database;
    sql
      .prepare("INSERT OR IGNORE INTO group_members (user, group_id) VALUES (?, ?)")
      .run(this.#names.row(user).id, this.#knownGroup(group));
  }

  async removeMember(group: string, user: string): Promise<void> {
    const { sql } = this.#parts.database;
    sql
      .prepare("DELETE FROM group_members WHERE user = ? AND group_id = ?")
      .run(this.#names.row(user).id, this.#knownGroup(group));
  }

  addAppPassword(name: string, options: NewAppPassword): Promise<CreatedAppPassword> {
    return this.#appPasswords.add(name, options);
  }

  async listAppPasswords(name: string): Promise<readonly AppPassword[]> {
    return this.#appPasswords.list(name);
  }

  async revokeAppPassword(name: string, id: string): Promise<void> {
    this.#appPasswords.revoke(name, id);
  }

  get #defaultDomain(): string {
    return this.#parts.source.defaultDomain;
  }

  #update(name: string, assignments: string, ...values: readonly (string | number | null)[]): void {
    const { sql } = this.#parts.database;
    sql.prepare(`UPDATE users SET ${assignments} WHERE id = ?`).run(...values, this.#names.row(name).id);
  }

  #newVersion(): number {
    return newCredentialVersion(this.#parts.io.random);
  }

  #groupId(name: string): number | undefined {
    return this.#parts.database.sql
      .prepare<[string], number>("SELECT id FROM groups WHERE name = ?")
      .pluck()
      .get(name);
  }

  #knownGroup(name: string): number {
    const id = this.#groupId(groupName(name));
    if (id === undefined) throw new DirectoryError("group_unknown", `group "${name}" is not known`);
    return id;
  }
}

function bit(value: boolean): 0 | 1 {
  return value ? 1 : 0;
}

function knownDomain(text: string): string {
  const domain = canonicalDomain(text);
  if (domain === undefined) throw new DirectoryError("name_invalid", `"${text}" is no domain`);
  return domain;
}

/** As in `group:name` of access control lists. */
function groupName(text: string): string {
  const name = text.normalize("NFC").toLowerCase();
  if (!isValidUserName(name, ""))
    throw new DirectoryError("name_invalid", `"${text}" cannot be the name of a group`);
  return name;
}
