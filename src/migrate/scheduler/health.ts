/** `GET /health` as load balancers and operators know it (S4.79, S4.80): UP or DOWN, with details for administrators. */
import type { Clock } from "../../base/io/clock.ts";
import type { SqlDatabase, SqlRow } from "../../base/io/sql/port.ts";

export interface HealthOptions {
  readonly sql: SqlDatabase;
  readonly database: boolean;
  readonly diskSpace: boolean;
  readonly diskSpaceThresholdBytes: number;
  readonly clock: Clock;
  readonly readSpace: () => { readonly freeBytes: number; readonly totalBytes: number };
}

/** A probe waits no longer for a database that says nothing. */
const PATIENCE_MS = 3_000;

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
  if (options.database) indicators["jdbc"] = await databaseHealth(options);
  indicators["compositeDiscoveryClient()"] = up({ services: {} });
  indicators["service"] = up(null);
  if (options.diskSpace) indicators["diskSpace"] = diskHealth(options);
  const isUp = Object.values(indicators).every(({ status }) => status === "UP");
  const status = isUp ? "UP" : "DOWN";
  return { isUp, body: withDetails ? { name: "api", status, details: indicators } : { status } };
}

async function databaseHealth({ sql, clock }: HealthOptions): Promise<Indicator> {
  const isPostgres = sql.dialect === "postgres";
  const asked = sql.query(
    isPostgres ? "SELECT current_setting('server_version') AS version" : "SELECT sqlite_version() AS version",
  );
  let inner: Indicator;
  try {
    const [row] = await inTime(asked, clock);
    inner = up({ database: isPostgres ? "PostgreSQL" : "SQLite", version: row?.["version"] });
  } catch (error) {
    inner = down({ error: error instanceof Error ? error.message : String(error) });
  }
  return { ...inner, details: { [sql.description]: inner } };
}

function inTime(asked: Promise<readonly SqlRow[]>, clock: Clock): Promise<readonly SqlRow[]> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(PATIENCE_MS, () => reject(new Error(`no answer in ${PATIENCE_MS} ms`)));
    asked.then(resolve, reject).finally(() => timer.cancel());
  });
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
