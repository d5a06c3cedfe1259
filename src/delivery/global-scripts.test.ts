import assert from "node:assert/strict";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemDisk } from "../base/io/system-disk.ts";
import { GlobalScripts } from "./global-scripts.ts";

test("GlobalScripts: files of one folder, as they are now, and no others", (context) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-global-"));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, "in"));
  writeFileSync(join(folder, "secret.sieve"), "keep;");
  writeFileSync(join(folder, "in", "spam tests.sieve"), "discard;");
  const scripts = new GlobalScripts(systemDisk, join(folder, "in"));
  assert.equal(scripts.find("spam tests"), "discard;");
  writeFileSync(join(folder, "in", "spam tests.sieve"), "keep;");
  assert.equal(scripts.find("spam tests"), "keep;");
  for (const name of ["other", "../secret", "", ".", "..", "a/b", "x\0"])
    assert.equal(scripts.find(name), undefined);
  assert.equal(new GlobalScripts(systemDisk, undefined).find("spam tests"), undefined);
});
