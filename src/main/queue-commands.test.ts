/** What an operator sees and does of outgoing mail; on a folder that no node serves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { withFilledStore } from "../../test/support/filled-store.ts";
import { runCli, type CliResult } from "../../test/support/run-cli.ts";
import { QueueDatabase } from "../queue/queue-database.ts";

const NOW_MS = Date.parse("2026-05-04T03:02:01Z");

function redirect(recipient: string): Parameters<QueueDatabase["add"]>[0] {
  return {
    kind: "redirect",
    userId: "alice",
    sender: "bob@remote.test",
    recipient,
    bytes: Buffer.from("Subject: Good news\r\nMessage-ID: <1@remote.test>\r\n\r\nNobody's business\r\n"),
    once: undefined,
  };
}

async function withQueue(
  work: (rookery: (...argv: string[]) => Promise<CliResult>) => Promise<void>,
): Promise<void> {
  await withFilledStore(async (filled) => {
    await filled.close();
    const queue = new QueueDatabase(filled.folder);
    for (const name of ["carol", "dave"]) queue.add(redirect(`${name}@there.test`), NOW_MS);
    queue.close();
    await work((...argv) => runCli(["queue", ...argv, "--data", filled.folder]));
  });
}

test("queue show: what is known of one mail, and its header alone", () =>
  withQueue(async (rookery) => {
    const shown = await rookery("show", "1");
    assert.equal(shown.exitCode, 0, shown.stderr);
    assert.match(
      shown.stdout,
      /^id: 1\nkind: redirect\nuser: alice\nfrom: bob@remote\.test\nto: carol@there\.test\n/,
    );
    assert.match(shown.stdout, /^since: 2026-05-04T03:02:01\.000Z$/m);
    assert.match(shown.stdout, /^Subject: Good news\r?$/m);
    assert.doesNotMatch(shown.stdout, /Nobody's business/);
    const json = JSON.parse((await rookery("show", "2", "--json")).stdout) as Record<string, unknown>;
    assert.equal(json["to"], "dave@there.test");
    assert.equal(json["attempts"], 0);
    const missing = await rookery("show", "17");
    assert.notEqual(missing.exitCode, 0);
    assert.match(missing.stderr, /there is no mail 17 in the queue.*\n.*rookery queue list/);
  }));

test("queue drop: those that are named, and nothing else; one that is not there is said", () =>
  withQueue(async (rookery) => {
    const dropped = await rookery("drop", "1");
    assert.equal(dropped.stdout, "1 mail is dropped.\n", dropped.stderr);
    const listed = await rookery("list");
    assert.doesNotMatch(listed.stdout, /carol/);
    assert.match(listed.stdout, /^ *2 +redirect +bob@remote\.test +dave@there\.test /m);
    const again = await rookery("drop", "1");
    assert.notEqual(again.exitCode, 0);
    assert.match(again.stderr, /there is no mail 1 in the queue/);
    const none = await rookery("drop");
    assert.notEqual(none.exitCode, 0);
    assert.equal((await rookery("drop", "2")).exitCode, 0);
    assert.equal((await rookery("list")).stdout, "Nothing waits.\n");
  }));
