import assert from "node:assert/strict";
import { test } from "node:test";
import { SqliteDatabase } from "../../base/io/sql/sqlite.ts";
import { NO_COUNTS } from "./cursor.ts";
import { Ledger } from "./ledger.ts";
import { csvReport, htmlReport, textReport, userReport } from "./report.ts";
import type { Verification } from "./verification.ts";

const USER = { source: "old", sourceUid: "alice" };

test("report: every loss is named in each form, folder names cannot break out of it", async (t) => {
  const database = await SqliteDatabase.open(":memory:");
  t.after(() => database.close());
  const ledger = await Ledger.open(database);
  const cursor = {
    target: ['=Evil, "<b>"'],
    uidValidity: 7,
    uidNext: 4,
    highestModseq: 0,
    messages: 3,
    unseen: 0,
    complete: true,
    keepsUids: true,
    targetUidValidity: 7,
    targetUidNext: 4,
    mailboxId: "",
    attributes: "",
    counts: NO_COUNTS,
  };
  const [folder] = await ledger.addFolders(USER, [{ sourceFolder: '=Evil, "<b>"', cursor }]);
  assert.ok(folder !== undefined);
  const record = { sizeBytes: 10, internalDate: 1, flagsHash: 1, guid: "ab".repeat(20) };
  await folder.put({ ...record, uid: 1, targetUid: 1, outcome: "saved" });
  await folder.put({ ...record, uid: 2, targetUid: 0, outcome: "skipped" }, "[TOOBIG] <too> big");
  await folder.put({ ...record, uid: 3, targetUid: 0, outcome: "missing" }, "gives no body");
  await folder.flush();
  const verification: Verification = {
    ...USER,
    atMs: 1_700_000_000_000,
    level: "digests",
    losses: 1,
    folders: [
      {
        source: '=Evil, "<b>"',
        target: "x",
        sourceMessages: 3,
        sourceBytes: 30,
        targetMessages: 1,
        targetBytes: 10,
        extraMessages: 0,
        pendingMessages: 0,
        lossCount: 1,
        losses: [{ uid: 1, reason: "gone from the target" }],
      },
    ],
  };
  const { atMs, losses } = verification;
  await ledger.saveVerification(USER, { atMs, losses, json: JSON.stringify(verification) });
  const report = await userReport(ledger, USER);

  const text = textReport(report);
  assert.match(text, /^old alice: 1 saved, 0 were there, 1 skipped, 1 missing/);
  assert.match(text, /UID 2 skipped: \[TOOBIG\] <too> big/);
  assert.match(text, /UID 1 gone from the target/);

  const csv = csvReport([report]);
  assert.match(csv, /^old,alice,"'=Evil, ""<b>""",/m);
  assert.match(csv, /,loss,3,missing,gives no body,/);
  assert.match(csv, /,verify,1,differs,gone from the target,/);
  assert.equal(csv.split("\r\n").filter((line) => line !== "").length, 5);

  const html = htmlReport([report], 0);
  assert.ok(!html.includes("<b>") && !html.includes("<too>"));
  assert.match(html, /gives no body/);

  assert.match((await ledger.whyNotCutOver(USER)) ?? "", /1 losses/);
  assert.equal(await ledger.acceptLosses(USER), true);
  assert.equal(await ledger.whyNotCutOver(USER), undefined);
  assert.equal(await ledger.acceptLosses(USER), false);
});
