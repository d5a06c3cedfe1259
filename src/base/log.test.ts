import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Logs, type LogSettings } from "./log.ts";
import { Secret } from "./secret.ts";

function collect(settings: Partial<LogSettings> = {}): { logs: Logs; lines: string[] } {
  const lines: string[] = [];
  const destination = (line: string): void => void lines.push(line);
  return { logs: new Logs({ level: "info", format: "json", destination, ...settings }), lines };
}

test("Logs: a JSON line has time, level, logger, event and fields", () => {
  const { logs, lines } = collect();
  logs.named("imap").info("login", { user: "alice", tookMs: 3 });
  const line = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  assert.match(String(line["time"]), /^\d{4}-\d\d-\d\dT/);
  delete line["time"];
  assert.deepEqual(line, { level: "info", log: "imap", event: "login", user: "alice", tookMs: 3 });
});

test("Logs: levels by logger, inherited by its parts, changed at run time", () => {
  const { logs, lines } = collect({ levels: new Map([["imap", "debug"]]) });
  const store = logs.named("store");
  const part = logs.named("imap.compress");
  part.debug("one");
  store.debug("hidden");
  assert.ok(part.enabled("debug") && !store.enabled("debug"));
  logs.setLevel("debug");
  store.debug("two");
  logs.setLevel("silent", "store");
  store.error("hidden");
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { event: string }).event),
    ["one", "two"],
  );
});

test("Logs: secrets come out as *", () => {
  const { logs, lines } = collect();
  const fields = { key: new Secret("hush"), password: "hush", request: { authorization: "hush" } };
  logs.named("http").warn("request", fields);
  assert.doesNotMatch(lines.join(""), /hush/);
  assert.equal(lines.join("").match(/"\*"/g)?.length, 3);
});

test("Logs: errors are written with their causes, in both formats", () => {
  const error = new Error("outer", { cause: new Error("inner") });
  for (const format of ["json", "pretty"] as const) {
    const { logs, lines } = collect({ format });
    logs.named("store").error("commit failed", { err: error, tries: 2, path: "/a b" });
    assert.match(lines.join(""), /outer/);
    assert.match(lines.join(""), /inner/);
    if (format === "pretty") {
      assert.match(
        lines[0] ?? "",
        /^\d\d:\d\d:\d\d\.\d{3} ERROR store {2}commit failed {2}tries=2 path="\/a b"\n/,
      );
    }
  }
});

test("Logs: a file is written, and reopened after rotation", async () => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-log-"));
  const file = join(folder, "rookery.log");
  const { logs } = collect({ destination: file });
  const log = logs.named("a");
  log.info("one");
  while (!fileHas(file, "one")) await new Promise(setImmediate);
  renameSync(file, `${file}.1`);
  logs.reopen();
  while (!fileHas(file, "")) await new Promise(setImmediate);
  log.info("two");
  while (!fileHas(file, "two")) await new Promise(setImmediate);
  logs.flush();
  assert.ok(!fileHas(file, "one"));
  rmSync(folder, { recursive: true });
});

function fileHas(file: string, text: string): boolean {
  try {
    return readFileSync(file, "utf8").includes(text);
  } catch {
    return false;
  }
}
