/** check, unexpunge, backup and restore as an operator types them, on a folder that no node serves. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { BY, withFilledStore } from "../../test/support/filled-store.ts";
import { runCli, type CliResult } from "../../test/support/run-cli.ts";

test("expunged messages come back, a backup is restored, a damaged copy is found and repaired", () =>
  withFilledStore(async (filled) => {
    await filled.fill(20);
    await filled.store.expunge(filled.inbox, [2, 3] as never, { onlyDeleted: false }, BY);
    await filled.close();
    const data = filled.folder;
    const rookery = async (folder: string, ...argv: string[]): Promise<CliResult> =>
      runCli([...argv, "--data", folder]);
    const expunged = await rookery(data, "message", "list-expunged", "user.alice", "--json");
    const rows = JSON.parse(expunged.stdout) as { uid: number }[];
    assert.deepEqual(
      rows.map((row) => row.uid),
      [2, 3],
    );
    const back = await rookery(data, "message", "unexpunge", "user.alice", "2");
    assert.match(back.stdout, /1 messages are back in user\.alice, as UID 21/);
    const nothing = await rookery(data, "message", "unexpunge", "user.alice");
    assert.equal(nothing.exitCode, 64);

    const away = await rookery(data, "mailbox", "delete", "user.alice", "--force");
    assert.equal(away.exitCode, 0, away.stderr);
    const dots = await rookery(data, "mailbox", "undelete", "user.alice", "user/alice/../x");
    assert.match(dots.stderr, /no hierarchy levels/);
    assert.equal((await rookery(data, "mailbox", "undelete", "user.alice")).exitCode, 0);

    const backup = join(data, "..", `${data.split("/").at(-1)}-backup`);
    const copy = `${backup}-restored`;
    try {
      assert.equal((await rookery(data, "backup", backup, "--copy")).exitCode, 0);
      assert.equal((await rookery(copy, "restore", backup)).exitCode, 0);
      const well = await rookery(copy, "check");
      assert.equal(well.exitCode, 0, well.stdout + well.stderr);
      rmSync(join(copy, "segments/default/1.seg"));
      const ill = await rookery(copy, "check");
      assert.equal(ill.exitCode, 1);
      assert.match(ill.stdout, /message with UID 1 and GUID [0-9a-f]{40} is lost/);
      const mended = await rookery(copy, "check", "--repair");
      assert.match(mended.stdout, /messages without a body expunged/);
      // The file itself is still missed until nothing is left in it.
      assert.equal((await rookery(copy, "compact", "--below", "100")).exitCode, 0);
      assert.equal((await rookery(copy, "check")).exitCode, 0);
    } finally {
      rmSync(backup, { recursive: true, force: true });
      rmSync(copy, { recursive: true, force: true });
    }
  }));
