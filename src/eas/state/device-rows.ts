/** Devices as rows. */
import type { SqlRow, SqlValue } from "../../base/io/sql/port.ts";
import type { Device, DeviceAccess, DeviceChanges } from "./port.ts";

export const DEVICE_COLUMNS = [
  "user_id",
  "device_id",
  "device_type",
  "user_agent",
  "access",
  "policy_key",
  "wipe",
  "wiped_at_ms",
  "tracing",
  "information",
  "last_version",
  "created_at_ms",
  "last_seen_at_ms",
].join(", ");

export function toDevice(row: SqlRow): Device {
  return {
    userId: textOf(row, "user_id"),
    deviceId: textOf(row, "device_id"),
    deviceType: textOf(row, "device_type"),
    userAgent: textOf(row, "user_agent"),
    access: textOf(row, "access") as DeviceAccess,
    policyKey: numberOf(row, "policy_key"),
    wipe: textOf(row, "wipe") as Device["wipe"],
    wipedAtMs: numberOf(row, "wiped_at_ms"),
    tracing: numberOf(row, "tracing") === 1,
    information: JSON.parse(textOf(row, "information")) as Record<string, string>,
    lastVersion: textOf(row, "last_version"),
    createdAtMs: numberOf(row, "created_at_ms"),
    lastSeenAtMs: numberOf(row, "last_seen_at_ms"),
  };
}

/** Column and value of each change. */
export function changedColumns(changes: Partial<DeviceChanges>): [column: string, value: SqlValue][] {
  const columns: [string, SqlValue | undefined][] = [
    ["access", changes.access],
    ["policy_key", changes.policyKey],
    ["wipe", changes.wipe],
    ["wiped_at_ms", changes.wipedAtMs],
    ["tracing", changes.tracing === undefined ? undefined : Number(changes.tracing)],
    ["information", changes.information === undefined ? undefined : JSON.stringify(changes.information)],
    ["last_version", changes.lastVersion],
  ];
  return columns.flatMap(([column, value]) => (value === undefined ? [] : [[column, value]]));
}

export function textOf(row: SqlRow, column: string): string {
  const value = row[column];
  return typeof value === "string" ? value : "";
}

export function numberOf(row: SqlRow, column: string): number {
  return Number(row[column] ?? 0);
}
