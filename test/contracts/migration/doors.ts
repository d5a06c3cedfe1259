/** Doors to a migration's database, and what the tests put into it. */
import { systemRandom } from "../../../src/base/io/random.ts";
import type { SqlDatabase } from "../../../src/base/io/sql/port.ts";
import { silentLog } from "../../../src/base/log.ts";
import { type MigrationDatabase, openMigrationDatabase } from "../../../src/migrate/database/open.ts";
import type { JobResult } from "../../../src/migrate/model.ts";
import { StorageKeys } from "../../../src/migrate/secrets.ts";
import type { SimClock } from "../../sim/sim-clock.ts";

export const LEASE_MS = 60_000;
export const SUCCESS: JobResult = {
  status: "SUCCESS",
  details: [
    { operation: "dsync", success: true, command: "copy", exitCode: 0, attempts: 1, saved: { INBOX: 2 } },
  ],
  syncMessageCount: 2,
  expungedMessageCount: 0,
  syncSpeed: 12,
  targetMessageCount: 2,
};

export function openDoor(sql: SqlDatabase, clock: SimClock): Promise<MigrationDatabase> {
  const keys = new StorageKeys({
    alias: "key1",
    keys: new Map([["key1", Buffer.alloc(32, 7)]]),
    random: systemRandom,
  });
  return openMigrationDatabase({ sql, keys, clock, random: systemRandom, log: silentLog });
}

export function hostOf(name: string, maxConnections: number, source = "CustomerX") {
  return {
    source,
    name,
    maxConnections,
    migrationCommand1: "",
    migrationCommand2: "",
    statusCommand: "",
    maxMessagesPerSecond: 0,
    maxBytesPerSecond: 0,
  };
}

export function fieldsOf(name: string) {
  return { targetUid: name, target: "default", sourceHost: "host1" };
}

export const PROGRESS = {
  messagesTotal: 9,
  messagesDone: 3,
  bytesTotal: 900,
  bytesDone: 300,
  folder: "INBOX",
};
