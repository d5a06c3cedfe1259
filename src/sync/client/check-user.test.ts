import assert from "node:assert/strict";
import { test } from "node:test";
import { openSyncPair } from "../../../test/support/sync-pair.ts";
import { systemClock } from "../../base/io/clock.ts";
import { MailboxScripts } from "../mailbox-scripts.ts";
import { checkServerAnnotations, checkSharedQuotas, checkUser, type Difference } from "./check-user.ts";
import { updateShared } from "./update-shared.ts";
import { updateUser } from "./update-user.ts";

type Found = (difference: Difference) => Promise<void>;

async function differencesOf(check: (found: Found) => Promise<void>): Promise<string[]> {
  const list: string[] = [];
  await check(async ({ user, mailbox, what }) => {
    list.push([user, mailbox, what].filter((part) => part !== "").join(": "));
    await Promise.resolve();
  });
  return list.sort();
}

test("checkUser: scripts of a replica without #sieve mailboxes", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  await here.create("user.alice", {});
  const [own, other] = [new MailboxScripts(here, systemClock), new MailboxScripts(there, systemClock)];
  for (const name of ["main", "away", "old"])
    await own.put("alice", `${name}.script`, Buffer.from("keep;"), 1);
  await own.activate("alice", "main.bc");
  const run = await pair.connect({ sieveLines: true });
  assert.deepEqual(await updateUser(run, "alice"), []);
  const check = (): Promise<string[]> => differencesOf((found) => checkUser(run, "alice", found));
  assert.deepEqual(await check(), []);

  await other.put("alice", "main.script", Buffer.from("discard;"), 1);
  await other.remove("alice", "away.script");
  await other.put("alice", "more.script", Buffer.from("keep;"), 1);
  await other.activate("alice", "old.bc");
  assert.deepEqual(await check(), [
    "alice: active script main here, old on the replica",
    "alice: script away.script missing on the replica",
    "alice: script main.script differs",
    "alice: script more.script only on the replica",
  ]);
  await other.activate("alice", undefined);
  assert.ok((await check()).includes("alice: active script main here, none on the replica"));
  await run.replica.link.close();
});

test("what belongs to nobody: server annotations, as far as this node sends them, and shared quotas", async (t) => {
  const pair = await openSyncPair(t);
  const { here, there } = pair;
  const set = (store: typeof here, entry: string, userId: string, value: string): Promise<void> =>
    store.annotations.set("", [{ entry, userId, value: Buffer.from(value) }]);
  await here.create("shared.news", {});
  await here.quotas.set("shared", { storageLimitBytes: 2 ** 20 });
  await set(here, "/motd", "", "closed on Sunday");
  await set(here, "/comment", "alice", "mine");
  const run = await pair.connect();
  const everybody = (): boolean => true;
  assert.deepEqual(await updateShared(run, everybody), []);
  assert.equal(there.quotas.get("shared")?.storageLimitBytes, 2 ** 20);
  assert.ok(there.mailboxes.find("shared.news") !== undefined);
  const check = (isWanted: (user: string) => boolean): Promise<string[]> =>
    differencesOf(async (found) => {
      await checkSharedQuotas(run, found);
      await checkServerAnnotations(run, isWanted, found);
    });
  assert.deepEqual(await check(everybody), []);

  await here.quotas.set("shared", { messageLimit: 5 });
  await set(there, "/motd", "", "open on Sunday");
  await set(here, "/new", "", "x");
  await set(there, "/comment", "bob", "his");
  await set(there, "/comment", "alice", "not mine");
  assert.deepEqual(await check((user) => user !== "alice"), [
    "bob: server annotation /comment only on the replica",
    "server annotation /motd differs",
    "server annotation /new missing on the replica",
    "shared: quota differs",
  ]);
  await run.replica.link.close();
});
