/**
 * The write side of the embedded directory, for the command line, the admin API and the console. Names of users may be
 * given in any case and with or without the default domain; what comes back is canonical. Every method is durable when
 * its promise resolves. A directory in LDAP has no write side: it is written where it is mastered.
 */
import type { User } from "./port.ts";

export interface DirectoryAdmin {
  /** @throws DirectoryError user_exists, name_invalid, domain_unknown, password_invalid, address_taken */
  addUser(user: NewUser): Promise<User>;
  /** Everybody who can be added, in one transaction; for each the user, or why he is refused (as `addUser`). */
  addUsers(users: readonly NewUser[]): Promise<readonly (User | DirectoryError)[]>;
  /** Also drops app passwords, memberships and the user as target of aliases. @throws DirectoryError user_unknown */
  removeUser(name: string): Promise<void>;
  /** @throws DirectoryError user_unknown, password_invalid */
  setPassword(name: string, password: string): Promise<void>;
  /** Keeps credentials, groups and aliases. The mailboxes are renamed by the store. @throws DirectoryError */
  renameUser(name: string, newName: string): Promise<User>;
  /** Sorted by user id. */
  listUsers(filter?: UserFilter): Promise<readonly User[]>;
  /** A disabled user cannot log in; mail for him is still accepted. */
  setEnabled(name: string, enabled: boolean): Promise<void>;
  setAdmin(name: string, isAdmin: boolean): Promise<void>;
  setProxy(name: string, isProxy: boolean): Promise<void>;
  setDisplayName(name: string, displayName: string): Promise<void>;
  /** undefined = the configured default. */
  setQuota(name: string, quotaBytes: number | undefined): Promise<void>;

  /** @throws DirectoryError domain_exists, name_invalid, default_domain_in_use (users' ids would change) */
  addDomain(domain: string, options?: { readonly isDefault?: boolean }): Promise<void>;
  listDomains(): Promise<readonly Domain[]>;
  /** @throws DirectoryError domain_unknown, domain_in_use (users or aliases left, or the default domain) */
  removeDomain(domain: string): Promise<void>;

  /**
   * `address` may be `@example.org`: whatever nothing else in that domain takes. Targets are users, aliases, groups'
   * addresses or shared folders of this directory; added to those the alias has.
   * @throws DirectoryError name_invalid, domain_unknown, target_not_local, address_taken, too_many, alias_loop
   */
  addAlias(address: string, targets: readonly string[]): Promise<Alias>;
  listAliases(): Promise<readonly Alias[]>;
  /** Without targets the whole alias goes. @throws DirectoryError alias_unknown */
  removeAlias(address: string, targets?: readonly string[]): Promise<void>;

  /** With an address the group takes mail for all its members. @throws DirectoryError group_exists, address_taken */
  addGroup(name: string, options?: { readonly address?: string }): Promise<Group>;
  listGroups(): Promise<readonly Group[]>;
  removeGroup(name: string): Promise<void>;
  /** @throws DirectoryError group_unknown, user_unknown */
  addMember(group: string, user: string): Promise<void>;
  removeMember(group: string, user: string): Promise<void>;

  /** The password is made here and shown once. @throws DirectoryError user_unknown, name_invalid, too_many */
  addAppPassword(name: string, options: NewAppPassword): Promise<CreatedAppPassword>;
  listAppPasswords(name: string): Promise<readonly AppPassword[]>;
  /** @throws DirectoryError user_unknown, app_password_unknown */
  revokeAppPassword(name: string, id: string): Promise<void>;
}

export interface NewUser {
  /** `alice`, `alice@default.domain` or `bob@example.org`. */
  readonly name: string;
  /** Without one the user can only log in by OAUTHBEARER or an app password. */
  readonly password?: string;
  readonly displayName?: string;
  readonly isAdmin?: boolean;
  readonly isProxy?: boolean;
  readonly enabled?: boolean;
  readonly quotaBytes?: number;
}

export interface UserFilter {
  readonly domain?: string;
}

export interface Domain {
  readonly name: string;
  readonly isDefault: boolean;
  readonly userCount: number;
}

export interface Alias {
  readonly address: string;
  readonly targets: readonly string[];
}

export interface Group {
  readonly name: string;
  readonly address: string | undefined;
  /** User ids, sorted. */
  readonly members: readonly string[];
}

export interface NewAppPassword {
  readonly label: string;
  /** Protocols it is good for, as in `AuthContext.protocol` (`imap`, `pop3`, `dav` …); none = all. */
  readonly protocols?: readonly string[];
}

export interface AppPassword {
  readonly id: string;
  readonly label: string;
  readonly protocols: readonly string[];
  /** Milliseconds since 1970. */
  readonly createdAtMs: number;
  /** To the hour; undefined = never. */
  readonly lastUsedAtMs: number | undefined;
}

export interface CreatedAppPassword extends AppPassword {
  readonly password: string;
}

export type DirectoryErrorCode =
  | "user_exists"
  | "user_unknown"
  | "domain_exists"
  | "domain_unknown"
  | "domain_in_use"
  | "default_domain_in_use"
  | "alias_unknown"
  | "alias_loop"
  | "address_taken"
  | "target_not_local"
  | "group_exists"
  | "group_unknown"
  | "app_password_unknown"
  | "name_invalid"
  | "password_invalid"
  | "too_many";

/** The directory refuses a change; the message says which and quotes the value (never a password). */
export class DirectoryError extends Error {
  override name = "DirectoryError";
  readonly code: DirectoryErrorCode;
  constructor(code: DirectoryErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
