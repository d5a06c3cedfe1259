/** How the write side reads names: canonical, checked, with the refusals that go with them. */
import {
  isValidUserName,
  parseAddress,
  printAddress,
  splitDetail,
  userIdOf,
  type Address,
} from "./address.ts";
import { DirectoryError } from "./admin.ts";
import type { EmbeddedDatabase, UserRow } from "./embedded-database.ts";
import type { EmbeddedSource } from "./embedded-source.ts";

export class EmbeddedNames {
  readonly #database: EmbeddedDatabase;
  readonly #source: EmbeddedSource;
  readonly #plusSeparator: string;

  constructor(database: EmbeddedDatabase, source: EmbeddedSource, plusSeparator: string) {
    this.#database = database;
    this.#source = source;
    this.#plusSeparator = plusSeparator;
  }

  get #defaultDomain(): string {
    return this.#source.defaultDomain;
  }

  row(name: string): UserRow {
    const address = parseAddress(name, this.#defaultDomain);
    const row =
      address &&
      (this.#database.user(userIdOf(address, this.#defaultDomain)) ??
        // Left from when this was not the default domain: can be renamed, or removed.
        this.#database.user(printAddress(address)));
    if (row === undefined) throw new DirectoryError("user_unknown", `user "${name}" is not known`);
    return row;
  }

  newAddress(name: string): Address {
    const address = this.#localAddress(name);
    if (!isValidUserName(address.local, this.#plusSeparator)) {
      throw new DirectoryError("name_invalid", `"${name}" cannot be the name of a user or group`);
    }
    return address;
  }

  #localAddress(text: string): Address {
    const address = parseAddress(text, this.#defaultDomain);
    if (address === undefined) throw new DirectoryError("name_invalid", `"${text}" is no name or address`);
    if (!this.#source.isLocalDomain(address.domain)) {
      throw new DirectoryError("domain_unknown", `domain "${address.domain}" is not known; add it first`);
    }
    return address;
  }

  aliasAddress(text: string): string {
    const address = this.#localAddress(text);
    if (address.local === "" && text.startsWith("@")) return `@${address.domain}`;
    const { base } = splitDetail(address.local, this.#plusSeparator);
    if (!isValidUserName(base, this.#plusSeparator)) {
      throw new DirectoryError("name_invalid", `"${text}" cannot be an alias`);
    }
    return printAddress(address);
  }

  /** Canonical but for the detail, whose case is the folder's. */
  target(text: string): string {
    const [source, plusSeparator] = [this.#source, this.#plusSeparator];
    const address = parseAddress(text, this.#defaultDomain);
    if (address === undefined) throw new DirectoryError("name_invalid", `"${text}" is no name or address`);
    if (!source.isLocalDomain(address.domain)) {
      throw new DirectoryError(
        "target_not_local",
        `alias target "${text}" is in no domain of this directory`,
      );
    }
    const { base, detail } = splitDetail(address.local, plusSeparator);
    return this.withDetail(userIdOf({ local: base, domain: address.domain }, this.#defaultDomain), detail);
  }

  withDetail(userId: string, detail: string | undefined): string {
    if (detail === undefined) return userId;
    const [local = "", domain] = userId.split("@");
    const withDetail = local + this.#plusSeparator + detail;
    return domain === undefined ? withDetail : `${withDetail}@${domain}`;
  }

  /** Targets that lead to the user, with and without detail. */
  targetsNaming(userId: string): readonly string[] {
    return this.#database.sql
      .prepare<[], string>("SELECT DISTINCT target FROM alias_targets")
      .pluck()
      .all()
      .filter((target) => {
        const address = parseAddress(target, this.#defaultDomain);
        if (address === undefined) return false;
        const { base } = splitDetail(address.local, this.#plusSeparator);
        return userIdOf({ local: base, domain: address.domain }, this.#defaultDomain) === userId;
      });
  }

  /** Users, aliases and groups share one space of addresses; an alias may be added to itself. */
  refuseTaken(address: string, by?: "alias"): void {
    const isAlias = by !== "alias" && this.#database.targetsOf(address).length > 0;
    if (isAlias || this.#isUserOrGroup(address)) {
      throw new DirectoryError("address_taken", `address "${address}" is taken`);
    }
  }

  /** Targets that lead back to the alias: at once, through other aliases or through catch-alls. */
  refuseLoop(alias: string, targets: readonly string[]): void {
    const seen = new Set<string>();
    const open = [...targets];
    for (let target = open.pop(); target !== undefined; target = open.pop()) {
      const parsed = parseAddress(target, this.#defaultDomain);
      if (parsed === undefined) continue;
      const { base } = splitDetail(parsed.local, this.#plusSeparator);
      // As `recipient.ts` looks up: what is named exactly, else without the detail, else the domain's catch-all.
      const named = [parsed.local, base].map((local) => ({ local, domain: parsed.domain }));
      for (const address of [...named.map(printAddress), `@${parsed.domain}`]) {
        if (address === alias) {
          throw new DirectoryError("alias_loop", `alias "${alias}" would lead back to itself`);
        }
        const next = this.#database.targetsOf(address);
        if (next.length > 0 && !seen.has(address)) open.push(...next);
        seen.add(address);
        if (next.length > 0 || this.#isUserOrGroup(address)) break;
      }
    }
  }

  #isUserOrGroup(address: string): boolean {
    const parsed = parseAddress(address, this.#defaultDomain);
    if (parsed === undefined) return false;
    if (this.#database.hasUser(userIdOf(parsed, this.#defaultDomain))) return true;
    return this.#database.sql.prepare("SELECT 1 FROM groups WHERE address = ?").get(address) !== undefined;
  }

  domainOf(userId: string): string {
    const at = userId.lastIndexOf("@");
    return at < 0 ? this.#defaultDomain : userId.slice(at + 1);
  }
}
