/**
 * Users and their submitted migrations. A submit is one batch: the user as it says, his target uid (unique across
 * sources, S4.76) and the journal's new row. Batches that come together share a commit, so a million submits are quick.
 */
import { SqlError, type SqlDatabase, type SqlStatement, type SqlValue } from "../../base/io/sql/port.ts";
import { MigrateError } from "../errors.ts";
import type { Phase } from "../model.ts";
import type { EncryptedPassword, StorageKeys } from "../secrets.ts";
import { acceptedLosses } from "../ledger/ledger.ts";
import { noTarget } from "./backends.ts";
import type { SharedClock } from "./shared-clock.ts";
import { listOf, optionalText } from "./row.ts";
import { noHost, noSource } from "./sources.ts";
import { isAllowed } from "./target-uid-patterns.ts";
import { checkUserFields, type UserFields } from "./user-fields.ts";
import { type StoredUser, toStoredUser, USER_COLUMNS } from "./user-row.ts";
import type { WorkSignal } from "./work-signal.ts";

export interface NewMigration {
  readonly phase: Phase;
  readonly priority: boolean;
  readonly dryRun: boolean;
  /** Of a cutover: what the last verification lists does not stand against it. */
  readonly acceptLosses?: boolean;
  /** Not begun before; 0 = at once. */
  readonly notBeforeMs: number;
  /** The wave it is submitted with, whose pauses and windows count; undefined = it runs when its turn comes. */
  readonly wave?: string;
}

type Mode = "create" | "update" | "either";

/** Somebody else changed the user between our look and our write. */
const MAX_ATTEMPTS = 8;

export interface UsersPorts {
  readonly database: SqlDatabase;
  readonly clock: SharedClock;
  readonly keys: StorageKeys;
  readonly work: WorkSignal;
}

export class Users {
  readonly #ports: UsersPorts;

  constructor(ports: UsersPorts) {
    this.#ports = ports;
  }

  async find(source: string, sourceUid: string): Promise<StoredUser | undefined> {
    const [row] = await this.#ports.database.query(
      `SELECT ${USER_COLUMNS} FROM migrate_users u WHERE u.source = $1 AND u.source_uid = $2`,
      [source, sourceUid],
    );
    return row === undefined ? undefined : toStoredUser(row);
  }

  /** In the order of their source uids, those behind `after`. */
  async list(source: string, after: string, limit: number): Promise<readonly StoredUser[]> {
    const rows = await this.#ports.database.query(
      `SELECT ${USER_COLUMNS} FROM migrate_users u WHERE u.source = $1 AND u.source_uid > $2 ORDER BY u.source_uid LIMIT $3`,
      [source, after, limit],
    );
    return rows.map(toStoredUser);
  }

  /** @throws MigrateError invalid | conflict | not_found (host or target) */
  async create(source: string, sourceUid: string, fields: UserFields): Promise<void> {
    await this.#write("create", source, sourceUid, fields);
  }

  /** @throws MigrateError invalid | conflict | not_found */
  async update(source: string, sourceUid: string, fields: UserFields): Promise<void> {
    await this.#write("update", source, sourceUid, fields);
  }

  /** Makes the user when he is new (S4.27), changes what is said of a known one, queues the migration. */
  async submit(
    source: string,
    sourceUid: string,
    fields: UserFields,
    migration: NewMigration,
  ): Promise<void> {
    if (migration.acceptLosses === true && migration.phase !== "CUTOVER") {
      throw new MigrateError("invalid", "losses are accepted for a cutover only");
    }
    await this.#write("either", source, sourceUid, fields, migration);
    this.#ports.work.notify();
  }

  /** With his records. @throws MigrateError not_found | in_use */
  async remove(source: string, sourceUid: string): Promise<void> {
    const values = [source, sourceUid];
    const removed = await this.#ports.database.batch([
      {
        sql: `UPDATE migrate_users SET revision = revision + 1 WHERE source = $1 AND source_uid = $2 AND NOT EXISTS (
          SELECT 1 FROM migrate_journal WHERE source = $1 AND source_uid = $2 AND status IN ('READY', 'SYNC'))`,
        values,
        expectedChanges: 1,
      },
      { sql: "DELETE FROM migrate_journal WHERE source = $1 AND source_uid = $2", values },
      { sql: "DELETE FROM migrate_target_uids WHERE source = $1 AND source_uid = $2", values },
      { sql: "DELETE FROM migrate_users WHERE source = $1 AND source_uid = $2", values },
    ]);
    if (removed !== undefined) return;
    if ((await this.find(source, sourceUid)) === undefined) throw noUser(sourceUid);
    throw new MigrateError("in_use", `user "${sourceUid}" has a migration under way`);
  }

  async #write(
    mode: Mode,
    source: string,
    sourceUid: string,
    fields: UserFields,
    migration?: NewMigration,
  ): Promise<void> {
    checkUserFields(sourceUid, fields);
    for (let attempt = 1; ; attempt++) {
      const before = await this.find(source, sourceUid);
      if (mode === "create" && before !== undefined)
        throw new MigrateError("conflict", `user "${sourceUid}" exists`);
      if (mode === "update" && before === undefined) throw noUser(sourceUid);
      const user = this.#merge(source, sourceUid, before, fields);
      if (before === undefined || before.sourceHost !== user.sourceHost || before.target !== user.target) {
        await this.#checkPlaces(user);
      }
      if (before === undefined || before.targetUid !== user.targetUid || before.target !== user.target) {
        await this.#checkTargetUid(user);
      }
      const statements = [
        ...(before === undefined ? insertUser(user) : changeUser(before, user)),
        ...(migration === undefined ? [] : [this.#insertMigration(user, migration)]),
        ...(migration?.acceptLosses === true ? [acceptedLosses(user)] : []),
      ];
      try {
        if ((await this.#ports.database.batch(statements)) !== undefined) return;
      } catch (error) {
        if (!(error instanceof SqlError && error.code === "constraint")) throw error;
        await this.#explain(user, migration !== undefined);
        if (attempt === MAX_ATTEMPTS) throw error;
      }
      if (attempt === MAX_ATTEMPTS) {
        throw new MigrateError("conflict", `user "${sourceUid}" is being changed by others`);
      }
    }
  }

  /** @throws MigrateError invalid naming what a new user lacks */
  #merge(source: string, sourceUid: string, before: StoredUser | undefined, fields: UserFields): StoredUser {
    const needed = {
      targetUid: fields.targetUid ?? before?.targetUid,
      target: fields.target ?? before?.target,
      sourceHost: fields.sourceHost ?? before?.sourceHost,
    };
    const { targetUid, target, sourceHost } = needed;
    if (targetUid === undefined || target === undefined || sourceHost === undefined) {
      const missing = Object.entries(needed)
        .filter(([, value]) => value === undefined)
        .map(([name]) => (name === "sourceHost" ? "sourcehost" : name));
      throw new MigrateError("invalid", `user "${sourceUid}" is new: ${missing.join(", ")} missing`);
    }
    const nowMs = this.#ports.clock.nowMs();
    return {
      source,
      sourceUid,
      targetUid,
      target,
      sourceHost,
      sourcePort: chosen(fields.sourcePort, before?.sourcePort),
      password: this.#password(source, sourceUid, before, fields.password),
      email: chosen(fields.email, before?.email),
      imapcOptions: chosen(fields.imapcOptions, before?.imapcOptions) ?? [],
      useImapcSsl: chosen(fields.useImapcSsl, before?.useImapcSsl),
      excludeFolders: chosen(fields.excludeFolders, before?.excludeFolders) ?? [],
      revision: (before?.revision ?? 0) + 1,
      createdMs: before?.createdMs ?? nowMs,
      modifiedMs: nowMs,
    };
  }

  #password(
    source: string,
    sourceUid: string,
    before: StoredUser | undefined,
    given: string | null | undefined,
  ): EncryptedPassword | undefined {
    if (given === undefined) return before?.password;
    return given === null || given === ""
      ? undefined
      : this.#ports.keys.encrypt(given, { source, sourceUid });
  }

  async #checkPlaces({ source, sourceHost, target }: StoredUser): Promise<void> {
    const [row] = await this.#ports.database.query(
      `SELECT (SELECT count(*) FROM migrate_sources WHERE name = $1) AS sources,
        (SELECT count(*) FROM migrate_source_hosts WHERE source = $1 AND name = $2) AS hosts,
        (SELECT count(*) FROM migrate_targets WHERE name = $3) AS targets`,
      [source, sourceHost, target],
    );
    if (row?.["sources"] === 0) throw noSource(source);
    if (row?.["hosts"] === 0) throw noHost(source, sourceHost);
    if (row?.["targets"] === 0) throw noTarget(target);
  }

  /** Before anything is said about who has this target uid. @throws MigrateError not_allowed */
  async #checkTargetUid({ source, targetUid }: StoredUser): Promise<void> {
    const [row] = await this.#ports.database.query(
      "SELECT target_uids FROM migrate_sources WHERE name = $1",
      [source],
    );
    if (row === undefined || optionalText(row, "target_uids") === undefined) return;
    if (!isAllowed(targetUid, listOf(row, "target_uids"))) {
      throw new MigrateError("not_allowed", `source "${source}" may not have the targetUid "${targetUid}"`);
    }
  }

  /** Says which constraint was met; returns when another try may meet none. @throws MigrateError conflict */
  async #explain({ source, sourceUid, target, targetUid }: StoredUser, submits: boolean): Promise<void> {
    const { database } = this.#ports;
    const [owner] = await database.query(
      "SELECT source, source_uid FROM migrate_target_uids WHERE target = $1 AND target_uid = $2",
      [target, targetUid],
    );
    if (owner !== undefined && (owner["source"] !== source || owner["source_uid"] !== sourceUid)) {
      // Whose it is concerns only its own source's customer.
      const whose = owner["source"] === source ? ` "${String(owner["source_uid"])}"` : "";
      throw new MigrateError(
        "conflict",
        `targetUid "${targetUid}" of target "${target}" belongs to another user${whose}`,
      );
    }
    if (!submits) return;
    const [open] = await database.query(
      "SELECT id, status FROM migrate_journal WHERE source = $1 AND source_uid = $2 AND status IN ('READY', 'SYNC')",
      [source, sourceUid],
    );
    if (open !== undefined) {
      const state = open["status"] === "SYNC" ? "runs" : "waits";
      throw new MigrateError(
        "conflict",
        `migration ${String(open["id"])} of user "${sourceUid}" ${state} already`,
      );
    }
  }

  #insertMigration(
    user: StoredUser,
    { phase, priority, dryRun, notBeforeMs, wave }: NewMigration,
  ): SqlStatement {
    const nowMs = this.#ports.clock.nowMs();
    return {
      sql: `INSERT INTO migrate_journal (source, source_uid, source_host, target, phase, status, priority, dry_run, not_before, created, modified, wave)
        VALUES ($1, $2, $3, $4, $5, 'READY', $6, $7, $8, $9, $9, $10)`,
      values: [
        user.source,
        user.sourceUid,
        user.sourceHost,
        user.target,
        phase,
        priority ? 1 : 0,
        dryRun ? 1 : 0,
        notBeforeMs,
        nowMs,
        wave ?? null,
      ],
    };
  }
}

function insertUser(user: StoredUser): SqlStatement[] {
  return [
    {
      sql: "INSERT INTO migrate_target_uids (source, source_uid, target, target_uid) VALUES ($1, $2, $3, $4)",
      values: placeOf(user),
    },
    {
      sql: `INSERT INTO migrate_users (source, source_uid, target, target_uid, source_host, source_port, password_key, password_iv,
        password, email, imapc_options, use_imapc_ssl, exclude_folders, revision, created, modified)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
      values: [...columnsOf(user), user.createdMs, user.modifiedMs],
    },
  ];
}

function changeUser(before: StoredUser, user: StoredUser): SqlStatement[] {
  const same = (column: number): boolean => sameValue(columnsOf(before)[column], columnsOf(user)[column]);
  // All but the revision.
  if (columnsOf(user).every((_, column) => column === REVISION_COLUMN || same(column))) return [];
  const moved = before.target !== user.target || before.targetUid !== user.targetUid;
  return [
    {
      sql: `UPDATE migrate_users SET target = $3, target_uid = $4, source_host = $5, source_port = $6, password_key = $7,
        password_iv = $8, password = $9, email = $10, imapc_options = $11, use_imapc_ssl = $12, exclude_folders = $13,
        revision = $14, modified = $15 WHERE source = $1 AND source_uid = $2 AND revision = $16`,
      values: [...columnsOf(user), user.modifiedMs, before.revision],
      expectedChanges: 1,
    },
    ...(moved
      ? [
          {
            sql: "UPDATE migrate_target_uids SET target = $3, target_uid = $4 WHERE source = $1 AND source_uid = $2",
            values: placeOf(user),
            expectedChanges: 1,
          },
        ]
      : []),
  ];
}

function placeOf({ source, sourceUid, target, targetUid }: StoredUser): SqlValue[] {
  return [source, sourceUid, target, targetUid];
}

const REVISION_COLUMN = 13;

function columnsOf(user: StoredUser): SqlValue[] {
  return [
    ...placeOf(user),
    user.sourceHost,
    user.sourcePort ?? null,
    user.password?.alias ?? null,
    user.password?.iv ?? null,
    user.password?.ciphertext ?? null,
    user.email ?? null,
    JSON.stringify(user.imapcOptions),
    user.useImapcSsl === undefined ? null : user.useImapcSsl ? 1 : 0,
    JSON.stringify(user.excludeFolders),
    user.revision,
  ];
}

function sameValue(a: SqlValue | undefined, b: SqlValue | undefined): boolean {
  return Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : a === b;
}

function chosen<T>(given: T | null | undefined, before: T | undefined): T | undefined {
  return given === undefined ? before : (given ?? undefined);
}

export function noUser(sourceUid: string): MigrateError {
  return new MigrateError("not_found", `there is no user "${sourceUid}"`);
}
