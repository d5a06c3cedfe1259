import assert from "node:assert/strict";
import { test } from "node:test";
import { startEasHost, TestAccounts } from "../../test/support/eas-host.ts";
import { systemClock } from "../base/io/clock.ts";
import { AccountError } from "./account/port.ts";
import { probe } from "./probe.ts";

const NEVER_SLOW_MS = 60_000;

test("probe: says what to do where passwords are taken over TLS only", async () => {
  const accounts = new TestAccounts();
  const host = await startEasHost({ accounts });
  try {
    const run = async (): Promise<string> => (await probe(host.client(), NEVER_SLOW_MS, systemClock)).message;
    accounts.failure = new AccountError("permission_denied", "passwords are taken over TLS only");
    assert.match(await run(), /^OPTIONS failed: .*403.*use https.*allowplaintext/i);
    accounts.failure = new AccountError("credentials_invalid", "wrong");
    assert.match(await run(), /^OPTIONS failed: OPTIONS got 401 \(wrong name or password\)$/);
  } finally {
    await host.close();
  }
});
