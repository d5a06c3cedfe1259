import assert from "node:assert/strict";
import { test } from "node:test";
import { ADMIN, USERS, withScheduler } from "../../../test/support/scheduler-trial.ts";

const anna = { sourceUid: "anna", targetUid: "anna", target: "default", sourcehost: "imap1" };

test(
  "admin: a source gets rules for its target uids; its customer is told 403",
  withScheduler(async (admin, customer) => {
    const path = `${ADMIN}/sources/CustomerX`;
    const changed = await admin.send("PUT", path, { targetUids: ["*@x.test"] });
    assert.deepEqual(changed.body, { name: "CustomerX", apiKey: null, targetUids: ["*@x.test"] });
    assert.deepEqual((await admin.send("GET", path)).body, changed.body);
    for (const [way, body] of [
      ["", anna],
      ["/migrations", { ...anna, phase: "PRE_SYNC" }],
    ] as const) {
      const refused = await customer.send("POST", `${USERS}${way}`, body);
      assert.equal(refused.status, 403);
      assert.deepEqual(refused.body, {
        message: 'source "CustomerX" may not have the targetUid "anna"',
        code: "not_allowed",
      });
    }
    const allowed = { ...anna, targetUid: "anna@x.test" };
    assert.equal((await customer.send("POST", USERS, allowed)).status, 201);
    assert.equal((await customer.send("PUT", `${USERS}/anna`, { targetUid: "bob" })).status, 403);
    assert.equal((await admin.send("PUT", path, { targetUids: null })).status, 200);
    assert.equal((await customer.send("PUT", `${USERS}/anna`, { targetUid: "bob" })).status, 200);
    assert.deepEqual((await admin.send("GET", path)).body, { name: "CustomerX", apiKey: null });

    for (const bad of [{}, { targetUids: "" }, { targetUids: [""] }, { targetUids: ["a b"] }]) {
      assert.equal((await admin.send("PUT", path, bad)).status, 400, JSON.stringify(bad));
    }
    const made = { name: "CustomerY", apiKey: "key-of-customer-y", targetUids: ["info"] };
    assert.deepEqual((await admin.send("POST", `${ADMIN}/sources`, made)).body, made);
  }),
);
