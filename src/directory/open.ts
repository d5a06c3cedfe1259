/**
 * Opens the directory that the settings name. `admin` is undefined where users are mastered elsewhere (LDAP).
 */
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import { AccountDirectory } from "./account-directory.ts";
import type { AccountSource } from "./account-source.ts";
import type { DirectoryAdmin } from "./admin.ts";
import { Authenticator } from "./authenticator.ts";
import { BearerTokens } from "./bearer-tokens.ts";
import { CredentialCache } from "./credential-cache.ts";
import { EmbeddedAdmin } from "./embedded-admin.ts";
import { EmbeddedDatabase } from "./embedded-database.ts";
import { EmbeddedSource } from "./embedded-source.ts";
import { FailedLogins } from "./failed-logins.ts";
import { LdapSource } from "./ldap/ldap-source.ts";
import type { LdapSettings } from "./ldap/ldap-options.ts";
import type { OauthSettings } from "./oauth-options.ts";
import type { DirectorySettings } from "./options.ts";
import { PasswordHasher } from "./password-hasher.ts";
import type { Directory } from "./port.ts";

export interface OpenDirectoryOptions {
  /** The data folder; holds `directory.sqlite`. */
  readonly folder: string;
  readonly io: { readonly clock: Clock; readonly random: Random };
  readonly settings: DirectorySettings;
  readonly ldap?: LdapSettings;
  readonly oauth?: OauthSettings;
  readonly log: Log;
  readonly metrics?: Metrics;
}

export interface OpenDirectory {
  readonly directory: Directory;
  readonly admin: DirectoryAdmin | undefined;
  close(): Promise<void>;
}

const CACHE_KEY_BYTES = 32;

/** @throws TypeError for settings that do not fit together, naming them; the SQLite error of a database that is not usable */
export function openDirectory(options: OpenDirectoryOptions): OpenDirectory {
  const { io, settings, log } = options;
  const tokens = BearerTokens.open(options.oauth, io.clock);
  const { source, admin } = openSource(options);
  const logins = options.metrics
    ?.room("directory")
    .counter("logins_total", "Attempts to log in.", ["mechanism", "outcome"]);
  const authenticator = new Authenticator({
    source,
    cache: new CredentialCache({
      key: io.random.bytes(CACHE_KEY_BYTES),
      timeMs: cacheTimeMs(options),
      maxUsers: settings.credentialCacheUsers,
    }),
    failedLogins: new FailedLogins(io.clock, settings),
    adminsMayProxy: settings.adminsMayProxy,
    clock: io.clock,
    log,
    counted: (mechanism, outcome) => logins?.inc({ mechanism, outcome }),
  });
  return {
    directory: new AccountDirectory({ source, authenticator, tokens, random: io.random, settings }),
    admin,
    close: () => source.close(),
  };
}

function openSource(options: OpenDirectoryOptions): {
  readonly source: AccountSource;
  readonly admin: DirectoryAdmin | undefined;
} {
  const { folder, io, settings, ldap, log } = options;
  if (settings.backend === "ldap") {
    if (ldap === undefined) throw new TypeError("directory.backend is ldap, but there are no ldap settings");
    return { source: new LdapSource(ldap, settings, io, log), admin: undefined };
  }
  const database = new EmbeddedDatabase(folder);
  const hasher = new PasswordHasher(settings, io.random);
  const source = new EmbeddedSource(database, hasher, io, settings, log);
  const { plusSeparator } = settings;
  return { source, admin: new EmbeddedAdmin({ database, source, hasher, io, plusSeparator }) };
}

/** LDAP does not tell when a password changes, so what is known of it may not be older than what is known of the user. */
function cacheTimeMs({ settings, ldap }: OpenDirectoryOptions): number {
  const { credentialCacheTimeMs } = settings;
  return settings.backend === "ldap" && ldap !== undefined
    ? Math.min(credentialCacheTimeMs, ldap.cacheTimeMs)
    : credentialCacheTimeMs;
}
