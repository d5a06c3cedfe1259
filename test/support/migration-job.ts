/** A migration as a worker holds it, for tests that need some job. */
import type { MigrationJob, MigrationUser } from "../../src/migrate/model.ts";

export function sampleJob(
  user: Partial<MigrationUser> = {},
  job: Partial<Omit<MigrationJob, "user" | "host">> = {},
  host: Partial<MigrationJob["host"]> = {},
): MigrationJob {
  return {
    id: 1,
    phase: "PRE_SYNC",
    priority: false,
    dryRun: false,
    fence: 1,
    attempt: 1,
    pauses: 0,
    ...job,
    host: {
      source: "CustomerX",
      name: "imap.host.1",
      maxConnections: 1,
      migrationCommand1: "",
      migrationCommand2: "",
      statusCommand: "",
      maxMessagesPerSecond: 0,
      maxBytesPerSecond: 0,
      ...host,
    },
    user: {
      source: "CustomerX",
      sourceUid: "source_user1",
      targetUid: "user1",
      target: "default",
      sourceHost: "imap.host.1",
      sourcePort: undefined,
      password: undefined,
      email: undefined,
      imapcOptions: [],
      useImapcSsl: undefined,
      excludeFolders: [],
      ...user,
    },
  };
}
