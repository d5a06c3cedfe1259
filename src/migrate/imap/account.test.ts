import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_SETTINGS } from "../../../test/support/migration.ts";
import type { MigrationJob, MigrationUser } from "../model.ts";
import { imapcSettings, sourceAccount } from "./account.ts";

const MASTER = new Map([
  ["imapc_master_user", "admin"],
  ["imapc_master_password", "operators"],
]);

test("a customer's options do not lead the operator's master password out of TLS", () => {
  const job = newJob({
    sourceHost: "imap.example.org",
    imapcOptions: ["imapc_ssl=no", "imapc_ssl_verify=no", "imapc_port=1143"],
    useImapcSsl: false,
  });
  const account = sourceAccount(
    job,
    imapcSettings(job, MASTER),
    { ...DEFAULT_SETTINGS, tls: "starttls" },
    undefined,
  );
  assert.deepEqual([account.tls, account.verify, account.port], ["starttls", true, 143]);
});

test("a user's own password goes as he says", () => {
  const job = newJob({ sourceHost: "imap.example.org", password: "own", useImapcSsl: false });
  const account = sourceAccount(job, imapcSettings(job, new Map()), DEFAULT_SETTINGS, undefined);
  assert.equal(account.tls, "off");
});

function newJob(user: Partial<MigrationUser>): MigrationJob {
  return {
    id: 1,
    phase: "PRE_SYNC",
    priority: false,
    dryRun: false,
    fence: 1,
    attempt: 1,
    host: {
      source: "old",
      name: "imap.example.org",
      maxConnections: 1,
      migrationCommand1: "",
      migrationCommand2: "",
      statusCommand: "",
      maxMessagesPerSecond: 0,
      maxBytesPerSecond: 0,
    },
    user: {
      source: "old",
      sourceUid: "alice",
      targetUid: "alice",
      target: "default",
      sourceHost: "imap.example.org",
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
