import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemDisk } from "../../base/io/system-disk.ts";
import { Roles } from "./roles.ts";

test("roles: a user's own, his domain's, everybody's; kept in the data folder", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rk-roles-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const roles = new Roles(folder, systemDisk);
  roles.check("alice");
  roles.set("@", "replica");
  roles.set("@example.org", "master");
  roles.set("bob@example.org", "replica");
  const again = new Roles(folder, systemDisk);
  assert.equal(again.roleOf("alice"), "replica");
  assert.equal(again.roleOf(""), "replica");
  assert.equal(again.roleOf("carol@example.org"), "master");
  assert.throws(() => again.check("bob@example.org"), /replica of bob@example\.org/);
  again.set("@", undefined);
  assert.equal(new Roles(folder, systemDisk).roleOf("alice"), "master");
});
