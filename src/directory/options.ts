import {
  boolean,
  byteSize,
  choice,
  duration,
  integerIn,
  listOf,
  networkList,
  text,
} from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

/** Every mechanism this directory speaks, best first. */
export const SASL_MECHANISMS = [
  "SCRAM-SHA-256-PLUS",
  "SCRAM-SHA-256",
  "OAUTHBEARER",
  "XOAUTH2",
  "PLAIN",
  "LOGIN",
] as const;
export type SaslMechanism = (typeof SASL_MECHANISMS)[number];

export const directoryOptions = optionGroup("directory", "Users, groups, domains and logins.", {
  backend: option(
    choice("embedded", "ldap"),
    "embedded",
    "Where users are kept: in the data folder, or in LDAP (read only).",
  ),
  defaultdomain: option(
    text,
    "",
    "Users of this domain log in without it; empty means the one marked in the database, else localhost.",
  ),
  domains: option(
    listOf(text),
    [],
    "Domains whose mail is accepted, besides the default domain and those in the database.",
  ),
  plus_separator: option(
    text,
    "+",
    "What separates a user from the folder in an address such as alice+lists@example.org; empty = none.",
  ),
  postuser: option(
    text,
    "",
    "User part of addresses of shared folders: with shared, mail for shared+news@example.org goes to the folder news (empty = +news@example.org).",
  ),
  admins: option(listOf(text), [], "User ids of administrators, besides those marked in the directory."),
  proxyservers: option(
    listOf(text),
    [],
    "User ids that may act as any user (front ends of a murder), besides those marked in the directory.",
  ),
  admins_may_proxy: option(boolean, "yes", "Whether administrators may act as any user too."),
  allowplaintext: option(boolean, "no", "Whether passwords are taken on connections without TLS."),
  mechanisms: option(
    listOf(choice(...SASL_MECHANISMS)),
    [...SASL_MECHANISMS],
    "SASL mechanisms that are offered where they work: SCRAM needs the embedded directory, the bearer ones an OAuth issuer.",
  ),
  default_quota: option(byteSize, 0, "Quota of users that have no own one (0 = none)."),

  argon2_memory: option(byteSize, "19MiB", "Memory that checking one password takes."),
  argon2_passes: option(integerIn(1, 64), 2, "Passes over that memory."),
  argon2_lanes: option(integerIn(1, 16), 1, "Parallel lanes of the hash."),
  hash_concurrency: option(integerIn(1, 64), 2, "How many passwords are hashed at a time."),
  scram_iterations: option(
    integerIn(4096, 1_000_000),
    10_000,
    "Iterations of the SCRAM keys that are made when a password is set.",
  ),

  credential_cache_time: option(
    duration,
    "10m",
    "How long a checked password is known without hashing it again (0 = not at all).",
  ),
  credential_cache_users: option(
    integerIn(1, 1_000_000),
    20_000,
    "For how many users checked passwords are kept.",
  ),

  failed_login_free: option(
    integerIn(0, 1000),
    3,
    "Wrong passwords from one address, or for one user, that are answered at once.",
  ),
  failed_login_delay: option(duration, "1s", "Delay after one more; it doubles with each further one."),
  failed_login_max_delay: option(duration, "15s", "The longest delay."),
  failed_login_refuse: option(
    integerIn(1, 1_000_000),
    100,
    "From that many wrong passwords on an address is refused without a look at the password.",
  ),
  failed_login_memory: option(duration, "15m", "Wrong passwords are forgotten after this time without one."),
  failed_login_exempt: option(
    networkList,
    [],
    "Networks without delay per address, such as that of a web mailer that logs in for many users.",
  ),
});
export type DirectorySettings = SettingsOf<typeof directoryOptions>;
