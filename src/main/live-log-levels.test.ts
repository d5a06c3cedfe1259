import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SimClock } from "../../test/sim/sim-clock.ts";
import { Logs } from "../base/log.ts";
import { loadConfig } from "../config/load.ts";
import { type LogOptionSettings, logOptions } from "../config/log-options.ts";
import { LiveLogLevels } from "./live-log-levels.ts";

const MINUTE_MS = 60_000;

test("LiveLogLevels: a changed file counts within a minute, SIGHUP at once, a broken file changes nothing (S2.67)", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "rk-levels-"));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "rookery.yaml");
  writeFileSync(file, "log: {level: info, levels: {imap: error}}\n");
  const read = (): LogOptionSettings =>
    loadConfig([logOptions], {
      folder,
      readText: (path) => readFileSync(path, "utf8"),
      file: { path: file, text: readFileSync(file, "utf8") },
    }).get(logOptions);
  const lines: Record<string, unknown>[] = [];
  const settings = read();
  const logs = new Logs({
    level: settings.level,
    levels: settings.levels,
    format: "json",
    destination: (line) => lines.push(JSON.parse(line) as Record<string, unknown>),
  });
  const clock = new SimClock();
  const levels = new LiveLogLevels({ logs, log: logs.named("node"), file, read, clock }, settings);
  levels.watch();
  const imap = logs.named("imap");
  const breakdown = logs.named("BREAKDOWN");
  assert.ok(!imap.enabled("info") && !breakdown.enabled("debug"));

  writeFileSync(file, "log: {level: info, levels: {BREAKDOWN: debug}}\n");
  clock.advance(MINUTE_MS);
  assert.ok(imap.enabled("info") && !imap.enabled("debug") && breakdown.enabled("debug"));
  // The result can be seen.
  assert.deepEqual(lines.at(-1)?.["changed"], { imap: "info", BREAKDOWN: "debug" });

  // Set by other means: a file that says nothing new of it leaves it.
  logs.setLevel("trace", "sync");
  writeFileSync(file, "log: {level: warn, levels: {BREAKDOWN: debug, imap: trace}}\n");
  levels.reread();
  assert.ok(imap.enabled("trace") && logs.named("sync").enabled("trace"));
  assert.ok(!logs.named("store").enabled("info"));

  writeFileSync(file, "log: {levels: {imap: loud}}\n");
  clock.advance(MINUTE_MS);
  assert.ok(imap.enabled("trace") && breakdown.enabled("debug"));
  assert.equal(lines.at(-1)?.["event"], "configuration not read again, the log levels stay");
  const told = lines.length;
  clock.advance(5 * MINUTE_MS);
  assert.equal(lines.length, told, "an unchanged file is not read again");
  levels.stop();
});
