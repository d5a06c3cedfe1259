import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCli } from "../../test/support/run-cli.ts";

test("rookery migrate plan: waves of a size, submitted, paused, watched", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-migrate-plan-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const migrate = (...words: string[]) =>
    runCli(["migrate", ...words, "--data", join(folder, "data")], { cwd: folder });
  const json = async (...words: string[]): Promise<unknown> => {
    const { exitCode, stdout, stderr } = await migrate(...words, "--json");
    assert.equal(exitCode, 0, `${words.join(" ")}: ${stderr}`);
    return JSON.parse(stdout);
  };
  await json("source", "add", "CustomerX");
  await json("target", "add", "default");
  await json("host", "add", "CustomerX", "imap1");
  const rows = ["a@one.test", "b@one.test", "c@one.test", "d@two.test"].map(
    (uid) => `${uid},${uid},default,imap1`,
  );
  writeFileSync(join(folder, "users.csv"), ["sourceUid,targetUid,target,sourcehost", ...rows].join("\n"));
  await json("import", "users.csv", "--source", "CustomerX");

  const words =
    "plan create one CustomerX --domain one.test --size 2 --time-zone Europe/Berlin --window sat,sun|00:00-24:00 --window mon-fri|20:00-06:00";
  const made = await json(...words.split(" ").map((word) => word.replace("|", " ")));
  assert.deepEqual(made, {
    waves: [
      { wave: "one", users: 2 },
      { wave: "one-2", users: 1 },
    ],
    unknown: [],
  });
  const early = await migrate("plan", "submit", "one", "--phase", "pre-sync", "--accept");
  assert.match(early.stderr, /losses are accepted for a cutover only/);
  assert.deepEqual(await json("plan", "submit", "one", "--phase", "pre-sync"), {
    wave: "one",
    phase: "PRE_SYNC",
    submitted: 2,
    open: 0,
  });
  assert.deepEqual(await json("plan", "rollback", "one"), {
    wave: "one",
    phase: "ROLLBACK",
    submitted: 0,
    open: 0,
  });
  await json("plan", "pause", "one");
  const { stdout } = await migrate("plan", "list");
  assert.match(
    stdout,
    /one +CustomerX +paused +sun,sat 00:00-24:00; mon,tue,wed,thu,fri 20:00-06:00 \(Europe\/Berlin\) +2 +2 PRE_SYNC READY/,
  );
  const overview = (await json("watch", "--once")) as Record<string, unknown>;
  assert.deepEqual([overview["users"], overview["queued"]], [4, 2]);
  const refused = await migrate("plan", "create", "bad", "CustomerX", "--all", "--window", "at night");
  assert.equal(refused.exitCode, 64);
  assert.match(refused.stderr, /mon-fri 20:00-24:00/);
});
