import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_SETTINGS } from "../../../test/support/migration.ts";
import { sampleJob } from "../../../test/support/migration-job.ts";
import { imapcSettings, sourceAccount } from "./account.ts";

const MASTER = new Map([
  ["imapc_master_user", "admin"],
  ["imapc_master_password", "operators"],
]);

test("a customer's options do not lead the operator's master password out of TLS", () => {
  const job = sampleJob({
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
  const job = sampleJob({ sourceHost: "imap.example.org", password: "own", useImapcSsl: false });
  const account = sourceAccount(job, imapcSettings(job, new Map()), DEFAULT_SETTINGS, undefined);
  assert.equal(account.tls, "off");
});
