import assert from "node:assert/strict";
import { test } from "node:test";
import { USERS, withScheduler } from "../../../test/support/scheduler-trial.ts";
import { Ledger } from "../ledger/ledger.ts";

const anna = { sourceUid: "anna", targetUid: "anna", target: "default", sourcehost: "imap1" };
const ANNA = { source: "CustomerX", sourceUid: "anna" };

test(
  "customer: a cutover takes the losses of the last verification along, if it says so",
  withScheduler(async (_, customer, { migration }) => {
    const submit = async (more: Record<string, unknown>): Promise<number> =>
      (await customer.send("POST", `${USERS}/migrations`, { ...anna, ...more })).status;
    const close = (): Promise<unknown> =>
      customer.send("PUT", `${USERS}/anna/migrations/close/latest/as/ABORTED`);
    // Before there was a worker, and with it a verification.
    assert.equal(await submit({ phase: "CUTOVER", acceptLosses: true }), 201);
    const ledger = await Ledger.open(migration.sql);
    await ledger.saveVerification(ANNA, { atMs: 1_700_000_000_000, losses: 2, json: "{}" });
    // Refused, since one is open: nothing is accepted either.
    assert.equal(await submit({ phase: "CUTOVER", acceptLosses: true }), 409);
    assert.match((await ledger.whyNotCutOver(ANNA)) ?? "", /2 losses/);
    await close();
    assert.equal(await submit({ phase: "PRE_SYNC", acceptLosses: true }), 400);
    assert.equal(await submit({ phase: "CUTOVER" }), 201);
    assert.match((await ledger.whyNotCutOver(ANNA)) ?? "", /2 losses/);
    await close();
    assert.equal(await submit({ phase: "CUTOVER", acceptLosses: true }), 201);
    assert.equal(await ledger.whyNotCutOver(ANNA), undefined);
  }),
);
