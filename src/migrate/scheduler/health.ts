/** `GET /health` as load balancers and operators know it (S4.79, S4.80): UP or DOWN, with details for administrators. */
import type { SqlDatabase } from "../../base/io/sql/port.ts";

export interface HealthOptions {
  readonly sql: SqlDatabase;
  readonly database: boolean;
  readonly diskSpace: boolean;
  readonly diskSpaceThresholdBytes: number;
  readonly readSpace: () => { readonly freeBytes: number; readonly totalBytes: number };
}

interface Indicator {
  readonly name: "api";
  readonly status: "UP" | "DOWN";
  readonly details: unknown;
}

export interface Health {
  readonly isUp: boolean;
  readonly body: unknown;
}

export async function readHealth(options: HealthOptions, withDetails: boolean): Promise<Health> {
  const indicators: Record<string, Indicator> = {};
  if (options.database) indicators["jdbc"] = await databaseHealth(options.sql);
  indicators["compositeDiscoveryClient()"] = up({ services: {} });
  indicators["service"] = up(null);
  if (options.diskSpace) indicators["diskSpace"] = diskHealth(options);
  const isUp = Object.values(indicators).every(({ status }) => status === "UP");
  const status = isUp ? "UP" : "DOWN";
  return { isUp, body: withDetails ? { name: "api", status, details: indicators } : { status } };
}

async function databaseHealth(sql: SqlDatabase): Promise<Indicator> {
  const isPostgres = sql.dialect === "postgres";
  let inner: Indicator;
  try {
    const [row] = await sql.query(
      isPostgres
        ? "SELECT current_setting('server_version') AS version"
        : "SELECT sqlite_version() AS version",
    );
    inner = up({ database: isPostgres ? "PostgreSQL" : "SQLite", version: row?.["version"] });
  } catch (error) {
    inner = down({ error: error instanceof Error ? error.message : String(error) });
  }
  return { ...inner, details: { [sql.description]: inner } };
}

function diskHealth({ readSpace, diskSpaceThresholdBytes: threshold }: HealthOptions): Indicator {
  try {
    const { freeBytes: free, totalBytes: total } = readSpace();
    const details = { total, free, threshold };
    return free >= threshold ? up(details) : down(details);
  } catch (error) {
    return down({ error: error instanceof Error ? error.message : String(error) });
  }
}

function up(details: unknown): Indicator {
  return { name: "api", status: "UP", details };
}

function down(details: unknown): Indicator {
  return { name: "api", status: "DOWN", details };
}
