import {
  boolean,
  byteSize,
  choice,
  duration,
  hostPort,
  integerIn,
  listOf,
  mapOf,
  path,
  secret,
  text,
} from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";
import { MAX_THREADS } from "./database/backends.ts";

/** Names in brackets are those of the framework's scheduler for the same thing. */
export const migrateOptions = optionGroup(
  "migrate",
  "Migration: its database, and the scheduler with its API (role scheduler).",
  {
    database: option(
      secret,
      undefined,
      "URL of the PostgreSQL database that schedulers and workers share, such as postgres://rookery@db/migration; without it SQLite in the data folder (datasources.default.url).",
    ),
    database_connections: option(
      integerIn(1, 1_000),
      10,
      "Most connections to PostgreSQL (datasources.default.maximum-pool-size).",
    ),
    create_database: option(
      boolean,
      "yes",
      "Whether a missing PostgreSQL database is made at the start (createDatabaseIfNotExist).",
    ),
    admin_username: option(text, "", "Name of the administrator of the API (http.admin.username)."),
    admin_password: option(
      secret,
      undefined,
      "Password of the administrator of the API; without it nobody can use the admin API (http.admin.password).",
    ),
    api_key_header: option(text, "X-API-KEY", "Header with the key of a source (http.headers.xapikey)."),
    ip_patterns: option(
      listOf(text),
      [],
      "Addresses that may use the scheduler, such as 127.0.0.1, 192.168.1.* or 10.0.0.0/8; none = all (micronaut.security.ip-patterns).",
    ),
    documentation: option(
      choice("anonymous", "authenticated", "off"),
      "anonymous",
      "Who may see /swagger-ui, /redoc, /rapidoc and the OpenAPI document.",
    ),
    metrics: option(
      choice("anonymous", "authenticated", "off"),
      "authenticated",
      "Who may read /metrics and /prometheus (endpoints.metrics.sensitive, endpoints.metrics.enabled).",
    ),
    health_database: option(
      boolean,
      "yes",
      "Whether /health looks at the database (endpoints.health.jdbc.enabled).",
    ),
    health_disk_space: option(
      boolean,
      "yes",
      "Whether /health looks at free space (endpoints.health.disk-space.enabled).",
    ),
    health_disk_space_path: option(
      path,
      undefined,
      "Where free space is looked at; without it the data folder (endpoints.health.disk-space.path).",
    ),
    health_disk_space_threshold: option(
      byteSize,
      "10MiB",
      "Below so much free space /health says DOWN (endpoints.health.disk-space.threshold).",
    ),
    storage_key: option(
      text,
      undefined,
      "Alias of the key that passwords of users are encrypted with; without it they are refused (dmf.crypto.storageKey.alias).",
    ),
    storage_keys: option(
      mapOf(path),
      {},
      "Files of AES-256 keys by alias, 32 bytes as they are, in hex or base64; former keys stay here while passwords need them (dmf.crypto.storageKey.file).",
    ),
  },
);
export type MigrateSettings = SettingsOf<typeof migrateOptions>;

export const migrateWorkerOptions = optionGroup(
  "migrateworker",
  "The migration's worker (role worker), which moves the mail of one target.",
  {
    target: option(text, "default", "Target that the worker serves (dmf.worker.identity.target)."),
    name: option(
      text,
      "dmf-worker",
      "Name of the worker in its target; each worker has its own (dmf.worker.identity.name).",
    ),
    threads: option(
      integerIn(0, MAX_THREADS),
      10,
      "Migrations at a time when the worker is first known; later what the API says.",
    ),
    initial_state: option(
      choice("running", "paused", "stopped"),
      "running",
      "What a worker that is first known does; later what the API says.",
    ),
    lease: option(
      duration,
      "60s",
      "How long a job stays with a worker that says nothing; then others take it. Renewed three times in that.",
    ),
    target_imap: option(
      hostPort,
      undefined,
      "IMAP server that the built-in engine copies to; without it the store of this process (role store).",
    ),
    target_tls: option(
      choice("auto", "starttls", "implicit", "off"),
      "auto",
      "TLS towards the target; auto takes STARTTLS where it is offered, and implicit TLS on port 993.",
    ),
    target_verify: option(boolean, true, "Whether the target's certificate is checked."),
    target_master_user: option(text, "", "Master user of the target, who logs in for all others."),
    target_master_password: option(secret, undefined, "Password of the target's master user."),
    target_master_form: option(
      text,
      "authzid",
      "How the master user logs in for another: authzid (SASL PLAIN), or the separator of user*master.",
    ),
    engine: option(
      choice("auto", "imap", "command"),
      "auto",
      "What moves the mail: auto takes the built-in imap unless the source host has a migrationCommand1.",
    ),
    commands: option(
      path,
      undefined,
      "YAML file with commands, their properties and hooks around them, in the shape of the framework's worker configuration.",
    ),
    command_attempts: option(integerIn(1, 100), 5, "How often a command is run while it ends with code 75."),
    command_retry_after: option(duration, "15s", "The pause before it is run again."),
    user_log_folder: option(
      path,
      undefined,
      "Folder of one log file a user; without it there is none (dmf.worker.command.logging.file.location).",
    ),
    user_log_format: option(
      text,
      "%(source)-%(user)-user-migration.log",
      "Name of a user's log file (dmf.worker.command.logging.file.format).",
    ),
  },
);
export type MigrateWorkerSettings = SettingsOf<typeof migrateWorkerOptions>;
