/** `DeviceStates` in a relational database: SQLite of this node, or a PostgreSQL that several gateways share. */
import type { Clock } from "../../base/io/clock.ts";
import type { SqlDatabase, SqlRow, SqlStatement, SqlValue } from "../../base/io/sql/port.ts";
import type { Log } from "../../base/log.ts";
import { changedColumns, DEVICE_COLUMNS, numberOf, textOf, toDevice } from "./device-rows.ts";
import type {
  Device,
  DeviceAccess,
  DeviceChanges,
  DeviceStates,
  StateAddress,
  StateChange,
  StateKind,
  StateRecord,
} from "./port.ts";
import { type RetryPolicy, withRetries } from "./retry.ts";

const MAX_RETRIES = 3;
const RETRY_DELAY_MS = 50;
/** Records and devices in use are marked so at most this often, so that a request without news writes nothing. */
const TOUCH_EVERY_MS = 24 * 3_600_000;
const SEEN_EVERY_MS = 3_600_000;
const WHERE_RECORD = "user_id = $1 AND device_id = $2 AND kind = $3 AND record_key = $4";
const WHERE_DEVICE = "user_id = $1 AND device_id = $2";
/** What syncing left; a new start needs none of it. */
const SYNC_KINDS: readonly StateKind[] = ["folders", "collection", "parameters", "quarantine"];

export interface SqlStatesOptions {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  readonly log: Log;
  readonly expiryMs: number;
}

export class SqlStates implements DeviceStates {
  readonly #database: SqlDatabase;
  readonly #clock: Clock;
  readonly #expiryMs: number;
  readonly #retry: RetryPolicy;

  constructor({ database, clock, log, expiryMs }: SqlStatesOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#expiryMs = expiryMs;
    this.#retry = { clock, log, maxRetries: MAX_RETRIES, delayMs: RETRY_DELAY_MS };
  }

  #query(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]> {
    return withRetries(this.#retry, "query", () => this.#database.query(sql, values));
  }
  #batch(statements: readonly SqlStatement[]): Promise<readonly number[] | undefined> {
    return withRetries(this.#retry, "batch", () => this.#database.batch(statements));
  }

  async get(address: StateAddress): Promise<StateRecord | undefined> {
    const nowMs = this.#clock.nowMs();
    const [row] = await this.#query(
      `SELECT version, value, expires_at_ms FROM eas_records WHERE ${WHERE_RECORD} AND expires_at_ms > $5`,
      [...placeOf(address), nowMs],
    );
    if (row === undefined) return undefined;
    const fresh = nowMs + this.#expiryMs;
    const expiresAtMs = numberOf(row, "expires_at_ms");
    if (expiresAtMs < fresh - Math.min(TOUCH_EVERY_MS, this.#expiryMs / 2)) {
      await this.#query(`UPDATE eas_records SET expires_at_ms = $5 WHERE ${WHERE_RECORD}`, [
        ...placeOf(address),
        fresh,
      ]);
    }
    return { version: numberOf(row, "version"), value: bytesOf(row) };
  }

  async list(
    userId: string,
    deviceId: string,
    kind: StateKind,
  ): Promise<readonly (StateRecord & { readonly key: string })[]> {
    const rows = await this.#query(
      `SELECT record_key, version, value FROM eas_records
       WHERE ${WHERE_DEVICE} AND kind = $3 AND expires_at_ms > $4 ORDER BY record_key`,
      [userId, deviceId, kind, this.#clock.nowMs()],
    );
    return rows.map((row) => ({
      key: textOf(row, "record_key"),
      version: numberOf(row, "version"),
      value: bytesOf(row),
    }));
  }

  async put(changes: readonly StateChange[]): Promise<boolean> {
    if (changes.length === 0) return true;
    const nowMs = this.#clock.nowMs();
    const expiresAtMs = nowMs + this.#expiryMs;
    const done = await this.#batch(
      changes.map((change): SqlStatement => {
        const place = placeOf(change);
        const { expected, value } = change;
        if (value === undefined) {
          return {
            sql: `DELETE FROM eas_records WHERE ${WHERE_RECORD} AND version = $5`,
            values: [...place, expected],
            expectedChanges: 1,
          };
        }
        return expected === 0
          ? { sql: INSERT, values: [...place, nowMs, value, expiresAtMs, nowMs], expectedChanges: 1 }
          : {
              sql: `UPDATE eas_records SET version = version + 1, value = $6, expires_at_ms = $7
                    WHERE ${WHERE_RECORD} AND version = $5`,
              values: [...place, expected, value, expiresAtMs],
              expectedChanges: 1,
            };
      }),
    );
    return done !== undefined;
  }

  async remember(address: StateAddress, seconds: number): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    const values = [...placeOf(address), nowMs, Buffer.alloc(0), nowMs + seconds * 1000, nowMs];
    const done = await this.#batch([{ sql: INSERT, values }]);
    return done?.[0] === 1;
  }

  async forget(address: StateAddress): Promise<void> {
    await this.#query(`DELETE FROM eas_records WHERE ${WHERE_RECORD}`, placeOf(address));
  }

  async device(userId: string, deviceId: string): Promise<Device | undefined> {
    const [row] = await this.#query(`SELECT ${DEVICE_COLUMNS} FROM eas_devices WHERE ${WHERE_DEVICE}`, [
      userId,
      deviceId,
    ]);
    return row === undefined ? undefined : toDevice(row);
  }

  async touchDevice(
    device: Pick<Device, "userId" | "deviceId" | "deviceType" | "userAgent">,
    access: DeviceAccess,
  ): Promise<Device> {
    const { userId, deviceId, deviceType, userAgent } = device;
    const nowMs = this.#clock.nowMs();
    const known = await this.device(userId, deviceId);
    if (
      known !== undefined &&
      known.deviceType === deviceType &&
      known.userAgent === userAgent &&
      nowMs - known.lastSeenAtMs < SEEN_EVERY_MS
    ) {
      return known;
    }
    const [row] = await this.#query(
      `INSERT INTO eas_devices (${DEVICE_COLUMNS})
       VALUES ($1, $2, $3, $4, $5, 0, 'none', 0, 0, '{}', '', $6, $6)
       ON CONFLICT (user_id, device_id) DO UPDATE SET device_type = excluded.device_type,
         user_agent = excluded.user_agent, last_seen_at_ms = excluded.last_seen_at_ms
       RETURNING ${DEVICE_COLUMNS}`,
      [userId, deviceId, deviceType, userAgent, access, nowMs],
    );
    return toDevice(row ?? {});
  }

  async updateDevice(
    userId: string,
    deviceId: string,
    changes: Partial<DeviceChanges>,
  ): Promise<Device | undefined> {
    const columns = changedColumns(changes);
    if (columns.length === 0) return this.device(userId, deviceId);
    const sets = columns.map(([column], at) => `${column} = $${at + 3}`).join(", ");
    const [row] = await this.#query(
      `UPDATE eas_devices SET ${sets} WHERE ${WHERE_DEVICE} RETURNING ${DEVICE_COLUMNS}`,
      [userId, deviceId, ...columns.map(([, value]) => value)],
    );
    return row === undefined ? undefined : toDevice(row);
  }

  async devices(userId: string | undefined): Promise<readonly Device[]> {
    const order = "ORDER BY user_id, device_id";
    const rows =
      userId === undefined
        ? await this.#query(`SELECT ${DEVICE_COLUMNS} FROM eas_devices ${order}`, [])
        : await this.#query(`SELECT ${DEVICE_COLUMNS} FROM eas_devices WHERE user_id = $1 ${order}`, [
            userId,
          ]);
    return rows.map(toDevice);
  }

  async resetDevice(userId: string, deviceId: string): Promise<void> {
    const kinds = SYNC_KINDS.map((_, at) => `$${at + 3}`).join(", ");
    await this.#query(`DELETE FROM eas_records WHERE ${WHERE_DEVICE} AND kind IN (${kinds})`, [
      userId,
      deviceId,
      ...SYNC_KINDS,
    ]);
  }

  async removeDevice(userId: string, deviceId: string): Promise<boolean> {
    const done = await this.#batch([
      { sql: `DELETE FROM eas_records WHERE ${WHERE_DEVICE}`, values: [userId, deviceId] },
      { sql: `DELETE FROM eas_devices WHERE ${WHERE_DEVICE}`, values: [userId, deviceId] },
    ]);
    return done?.[1] === 1;
  }

  async expire(nowMs: number): Promise<number> {
    const done = await this.#batch([
      { sql: "DELETE FROM eas_records WHERE expires_at_ms <= $1", values: [nowMs] },
    ]);
    return done?.[0] ?? 0;
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}

/**
 * A new record; one that has expired counts as none. The first version is the time, so that a record that was deleted and
 * made again is not taken for the old one.
 */
const INSERT = `INSERT INTO eas_records AS old
  (user_id, device_id, kind, record_key, version, value, expires_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)
  ON CONFLICT (user_id, device_id, kind, record_key) DO UPDATE SET version = excluded.version,
    value = excluded.value, expires_at_ms = excluded.expires_at_ms WHERE old.expires_at_ms <= $8`;

function placeOf({ userId, deviceId, kind, key }: StateAddress): SqlValue[] {
  return [userId, deviceId, kind, key];
}

function bytesOf(row: SqlRow): Buffer {
  const value = row["value"];
  return Buffer.isBuffer(value) ? value : Buffer.alloc(0);
}
