import assert from "node:assert/strict";
import { test } from "node:test";
import { sinceOf } from "./filter-since.ts";

test("sinceOf: whole days, at least as many as asked for", () => {
  const nowMs = Date.UTC(2026, 2, 10, 15, 30);
  const day = (filterType: number): string => new Date(sinceOf(filterType, nowMs) * 1000).toISOString();
  assert.equal(sinceOf(0, nowMs), 0);
  assert.equal(day(1), "2026-03-09T00:00:00.000Z");
  assert.equal(day(2), "2026-03-07T00:00:00.000Z");
  assert.equal(day(3), "2026-03-03T00:00:00.000Z");
  assert.equal(day(4), "2026-02-24T00:00:00.000Z");
  assert.equal(day(5), "2026-02-08T00:00:00.000Z");
  assert.equal(sinceOf(9, nowMs), 0);
});
