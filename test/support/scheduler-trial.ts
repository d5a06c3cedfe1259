/** A test with a scheduler of its own that has a source with its host, and a target. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteDatabase } from "../../src/base/io/sql/sqlite.ts";
import {
  openScheduler,
  SchedulerClient,
  type SchedulerHost,
  type SchedulerHostOptions,
} from "./scheduler-host.ts";

export const ADMIN = "/dmf/admin/api/v2";
export const USERS = "/dmf/api/v2/users";
/** Of CustomerX. */
export const KEY = "b270b24a-711d-47ee-8bdc-f59ad5c1abf2";

export function withScheduler(
  work: (admin: SchedulerClient, customer: SchedulerClient, host: SchedulerHost) => Promise<void>,
  options: SchedulerHostOptions = {},
): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), "rookery-scheduler-"));
    const host = await openScheduler(
      await SqliteDatabase.open(join(folder, "migration.sqlite")),
      join(folder, "certificate"),
      { ...options, tls: false },
    );
    try {
      const admin = SchedulerClient.admin(host.url);
      await admin.send("POST", `${ADMIN}/sources`, { name: "CustomerX", apiKey: KEY });
      await admin.send("POST", `${ADMIN}/sources/CustomerX/sourcehosts`, {
        name: "imap1",
        maxConnections: 2,
      });
      await admin.send("POST", `${ADMIN}/targets`, { name: "default" });
      await work(admin, new SchedulerClient(host.url, { "X-API-KEY": KEY }), host);
    } finally {
      await host.close();
      rmSync(folder, { recursive: true, force: true });
    }
  };
}
