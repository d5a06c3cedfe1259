import assert from "node:assert/strict";
import { test } from "node:test";
import { isServable, judge, type SchemaReport, startLine, statusText } from "./schema-state.ts";

const report = (version: number, latest: number, oldest: number): SchemaReport => ({
  ...judge(version, latest, oldest),
  updatedAtMs: Date.UTC(2026, 0, 2, 3, 4, 5),
});

test("schema state: texts and rules of S2.32 to S2.37", () => {
  const missing = report(0, 1, 1);
  assert.equal(isServable(missing), false);
  assert.equal(
    statusText(missing),
    'WARN: Install required\nNo schema found, you can create it using the "install" command\nThe latest schema version available is 1',
  );
  assert.deepEqual(startLine(missing), {
    level: "error",
    event: "Database schema not installed, starting administration services only",
  });
  const current = report(1, 1, 1);
  assert.equal(isServable(current), true);
  assert.equal(
    statusText(current),
    "OK\nYour schema is already at the latest version: 1 updated the 2026-01-02T03:04:05.000Z",
  );
  assert.equal(startLine(current), undefined);
  const advised = report(1, 2, 1);
  assert.equal(isServable(advised), true);
  assert.match(
    statusText(advised),
    /^WARN: Update advised\nThis rookery server IS compatible .*\nCurrent: 1 .*\nLatest : 2$/,
  );
  assert.equal(startLine(advised)?.level, "warn");
  const required = report(1, 3, 2);
  assert.equal(isServable(required), false);
  assert.match(statusText(required), /^WARN: Update required\nThis rookery server IS NOT compatible/);
  assert.equal(startLine(required)?.level, "error");
  assert.equal(isServable(report(3, 2, 1)), false);
});
