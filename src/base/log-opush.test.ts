import assert from "node:assert/strict";
import { test } from "node:test";
import { opushLine } from "./log-opush.ts";

test("opushLine: time, level, logger, thread, command, request, user (S2.65)", () => {
  const event = {
    level: "info",
    time: "2026-11-22T05:26:36.669Z",
    log: "SUMMARY.OUT",
    command: "FolderSync",
    request: 942,
    user: "user@dom",
    event: "CHANGE: 10, DELETE: 2, FETCH: 0",
  };
  assert.equal(
    opushLine(JSON.stringify(event)),
    `05:26:36.669 [INFO] {SUMMARY.OUT} [t${process.pid}/cFolderSync/r942/user@dom]:CHANGE: 10, DELETE: 2, FETCH: 0\n`,
  );
  const container = {
    level: "warn",
    time: event.time,
    log: "CONTAINER",
    event: "Database schema not up-to-date",
  };
  assert.match(
    opushLine(JSON.stringify(container)),
    /^05:26:36\.669 \[WARN \] \{CONTAINER\} \[t\d+\/c\/r\/\]:Database schema/,
  );
  const failed = {
    ...container,
    level: "error",
    err: { message: "x", stack: "Error: x\n    at y" },
    port: 8082,
  };
  assert.match(opushLine(JSON.stringify(failed)), /\[ERROR\].* port=8082\nError: x\n {4}at y\n$/);
  assert.equal(opushLine("no JSON\n"), "no JSON\n");
});
