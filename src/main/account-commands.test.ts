/** What an operator may not do to accounts by mistake, and what he is told instead; on a folder that no node serves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { withFilledStore } from "../../test/support/filled-store.ts";
import { runCli, type CliResult } from "../../test/support/run-cli.ts";

test("an INBOX neither leaves its user nor goes by mistake; a restored user is to be added", () =>
  withFilledStore(async (filled) => {
    await filled.close();
    const data = filled.folder;
    const rookery = (...argv: string[]): Promise<CliResult> => runCli([...argv, "--data", data]);
    const added = await rookery("user", "add", "alice", "--password", "secret");
    assert.equal(added.exitCode, 0, added.stderr);

    const renamed = await rookery("mailbox", "rename", "user.alice", "user.zed");
    assert.notEqual(renamed.exitCode, 0);
    assert.match(renamed.stderr, /rookery user rename alice zed/);
    const deleted = await rookery("mailbox", "delete", "user.alice");
    assert.notEqual(deleted.exitCode, 0);
    assert.match(deleted.stderr, /rookery user delete alice/);
    assert.match((await rookery("mailbox", "list")).stdout, /^user\.alice /m);

    const file = join(data, "alice.rookery");
    const saved = await rookery("backup", "--user", "alice", file);
    assert.equal(saved.exitCode, 0, saved.stderr);
    const restored = await rookery("restore", "--user", file, "--as", "alice2");
    assert.match(restored.stdout, /now: rookery user add alice2\n/);
    const forced = await rookery("mailbox", "delete", "user.alice", "--force");
    assert.equal(forced.exitCode, 0, forced.stderr);
    const again = await rookery("restore", "--user", file, "--replace");
    assert.equal(again.exitCode, 0, again.stderr);
    assert.doesNotMatch(again.stdout, /user add/);
  }));
