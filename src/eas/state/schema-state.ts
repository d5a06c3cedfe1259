/** Whether the tables fit the program, and the words for it: S2.32–S2.39. */
import { findSchema } from "../../base/io/sql/schema.ts";
import type { SqlDatabase } from "../../base/io/sql/port.ts";
import { SCHEMA_NAME, schemaVersions } from "./schema.ts";

export interface SchemaReport {
  readonly state: "missing" | "current" | "update_advised" | "update_required" | "newer";
  /** 0 = none. */
  readonly version: number;
  readonly updatedAtMs: number;
  readonly latest: number;
}

/** The oldest version that this program works with; below it an update must come first. */
const OLDEST_COMPATIBLE = 1;

/** @throws SqlError */
export async function schemaReport(database: SqlDatabase): Promise<SchemaReport> {
  const { version, updatedAtMs } = await findSchema(database, SCHEMA_NAME);
  return { ...judge(version, schemaVersions.length, OLDEST_COMPATIBLE), updatedAtMs };
}

/** Exported for tests: there is only one version so far. */
export function judge(
  version: number,
  latest: number,
  oldestCompatible: number,
): Pick<SchemaReport, "state" | "version" | "latest"> {
  const known = { version, latest };
  if (version === 0) return { ...known, state: "missing" };
  if (version > latest) return { ...known, state: "newer" };
  if (version === latest) return { ...known, state: "current" };
  return { ...known, state: version < oldestCompatible ? "update_required" : "update_advised" };
}

/** May devices be served? */
export function isServable({ state }: SchemaReport): boolean {
  return state === "current" || state === "update_advised";
}

/** What the log says when the gateway starts: S2.32–S2.34. Undefined when all is well. */
export function startLine({
  state,
}: SchemaReport): { readonly level: "warn" | "error"; readonly event: string } | undefined {
  switch (state) {
    case "missing":
      return {
        level: "error",
        event: "Database schema not installed, starting administration services only",
      };
    case "update_required":
      return { level: "error", event: "Database schema too old, starting administration services only" };
    case "newer":
      return {
        level: "error",
        event: "Database schema is newer than this program, starting administration services only",
      };
    case "update_advised":
      return { level: "warn", event: "Database schema not up-to-date, update is advised" };
    default:
      return undefined;
  }
}

/** `rookery schema status`: S2.35–S2.37. */
export function statusText({ state, version, updatedAtMs, latest }: SchemaReport): string {
  const current = `${version} updated the ${new Date(updatedAtMs).toISOString()}`;
  switch (state) {
    case "missing":
      return [
        "WARN: Install required",
        'No schema found, you can create it using the "install" command',
        `The latest schema version available is ${latest}`,
      ].join("\n");
    case "current":
      return `OK\nYour schema is already at the latest version: ${current}`;
    case "update_advised":
      return [
        "WARN: Update advised",
        "This rookery server IS compatible with the current schema but an update is available",
        `Current: ${current}`,
        `Latest : ${latest}`,
      ].join("\n");
    case "update_required":
      return [
        "WARN: Update required",
        "This rookery server IS NOT compatible with the current schema, you must update it",
        `Current: ${current}`,
        `Latest : ${latest}`,
      ].join("\n");
    case "newer":
      return [
        "ERROR",
        "This rookery server is older than the schema, update the server",
        `Current: ${current}`,
        `Latest : ${latest}`,
      ].join("\n");
    default:
      return state satisfies never;
  }
}
