/** Names of mailboxes: the authority that gives them, the guard that allows writes, renames with all that hangs on them. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { StoreError } from "../../src/store/errors.ts";
import type { Authority, NameChange, OwnershipGuard } from "../../src/store/port.ts";
import { ALICE, BOB, StoreTrial } from "../support/store-trial.ts";

/** Writes down what it is asked; refuses names that start with `refused`. */
class Directory implements Authority {
  readonly calls: string[] = [];
  refused = "\0";

  reserve(changes: readonly NameChange[]) {
    const names = changes.map((change) =>
      change.kind === "rename" ? `${change.name}>${change.newName}` : `${change.kind} ${change.name}`,
    );
    if (changes.some(({ name }) => name.startsWith(this.refused))) {
      return Promise.reject(new StoreError("authority_unavailable", "no"));
    }
    this.calls.push(names.join(", "));
    const tell = (what: string) => async () => {
      this.calls.push(what);
      await Promise.resolve();
    };
    return Promise.resolve({ activate: tell("activate"), release: tell("release") });
  }

  take(): string[] {
    return this.calls.splice(0);
  }
}

class Owners implements OwnershipGuard {
  readonly foreign = new Set<string>();
  check(user: string): void {
    if (this.foreign.has(user)) throw new StoreError("read_only", `${user} lives elsewhere`);
  }
}

describe("authority", () => {
  test("is asked for every name of a change, and told how it went", async (context) => {
    const authority = new Directory();
    const { store } = await StoreTrial.open(context, { authority });
    const { id } = await store.create("user.alice", {});
    await store.create("user.alice.a.b", {});
    const a = await store.create("user.alice.a", {});
    assert.deepEqual(authority.take(), [
      "create user.alice", "activate", "create user.alice.a.b", "activate", "create user.alice.a", "activate",
    ]); // prettier-ignore
    await store.rename(a.id, "user.alice.c", { withChildren: true });
    assert.deepEqual(authority.take(), [
      "user.alice.a>user.alice.c, user.alice.a.b>user.alice.c.b",
      "activate",
    ]);
    await assert.rejects(store.rename(a.id, "user.alice", { withChildren: true }), {
      code: "mailbox_exists",
    });
    assert.equal(authority.take().at(-1), "release");
    await store.renameUser("alice", "carol");
    assert.deepEqual(authority.take(), [
      "user.alice>user.carol, user.alice.c>user.carol.c, user.alice.c.b>user.carol.c.b",
      "activate",
    ]);
    assert.equal(store.mailboxes.byId(id)?.name, "user.carol");
    await store.delete(a.id);
    assert.deepEqual(authority.take(), ["delete user.carol.c", "activate"]);
    await store.undelete(a.id);
    assert.deepEqual(authority.take(), ["create user.carol.c", "activate"]);
    await store.setAcl(id, [{ identifier: "bob", rights: "lr" }]);
    assert.deepEqual(authority.take(), ["acl user.carol", "activate"]);
    await store.deleteUser("carol");
    assert.deepEqual(authority.take(), [
      "delete user.carol, delete user.carol.c, delete user.carol.c.b",
      "activate",
    ]);
  });

  test("that says no leaves everything as it was", async (context) => {
    const authority = new Directory();
    const { store } = await StoreTrial.open(context, { authority });
    const { id } = await store.create("user.alice.x", {});
    const { head } = store.feed;
    authority.refused = "user.alice";
    for (const attempt of [
      () => store.create("user.alice.y", {}),
      () => store.delete(id),
      () => store.rename(id, "user.alice.z", { withChildren: false }),
      () => store.setAcl(id, []),
      () => store.renameUser("alice", "carol"),
      () => store.deleteUser("alice"),
    ]) {
      await assert.rejects(attempt, { code: "authority_unavailable" });
    }
    assert.equal(store.feed.head, head);
  });

  test("and guard are not asked by a replica's writes", async (context) => {
    const authority = new Directory();
    const guard = new Owners();
    const { store } = await StoreTrial.open(context, { authority, guard });
    guard.foreign.add("alice").add("carol");
    const local = true;
    const made = await store.create("user.alice", { local, uniqueId: "u1", uidValidity: 77 });
    assert.deepEqual([made.uniqueId, made.uidValidity], ["u1", 77]);
    const other = await store.create("user.alice.x", { local });
    await store.rename(other.id, "user.alice.y", { withChildren: false, local });
    await store.quotas.set("user.alice", { messageLimit: 5 }, { local });
    await store.subscriptions.set("alice", "user.alice.y", true, { local });
    await store.annotations.set("user.alice", [{ entry: "/comment", userId: "", value: Buffer.from("x") }], {
      local,
    });
    const seen = { userId: "bob", uniqueId: "u1", lastRead: 1, lastUid: 1, lastChange: 1, seenUids: "1" };
    await store.seen.set(seen, { local });
    await assert.rejects(store.seen.set(seen), { code: "read_only" });
    await store.delete(other.id, { immediate: true, local });
    await store.renameUser("alice", "carol", { local });
    await store.deleteUser("carol", { local });
    assert.deepEqual(authority.take(), []);
  });
});

test("ownership guard is asked in every write, and again after the authority", async (context) => {
  const guard = new Owners();
  const authority = new Directory();
  const trial = await StoreTrial.open(context, { guard, authority });
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  const [uid] = await trial.append(id, "one");
  const bobs = await store.create("user.bob", {});
  const uids = [uid!];
  const change = { mode: "add", systemFlags: 4, keywords: [] } as const;
  guard.foreign.add("alice");
  const attempts: (() => Promise<unknown>)[] = [
    () => trial.append(id, "two"),
    () => store.storeFlags(id, uids, change, ALICE),
    () => store.expunge(id, uids, { onlyDeleted: false }, ALICE),
    () => store.copy(id, uids, bobs.id, { move: true }, ALICE),
    () => store.copy(bobs.id, uids, id, { move: false }, ALICE),
    () => store.replace(bobs.id, uid!, id, trial.message("x"), ALICE),
    () => store.annotateMessages(id, uids, [], ALICE),
    () => store.setSpecialUse(id, ["sent"]),
    () => store.setAcl(id, []),
    () => store.create("user.alice.x", {}),
    () => store.rename(bobs.id, "user.alice.bob", { withChildren: false }),
    () => store.delete(id),
    () => store.deleteUser("alice"),
    () => store.renameUser("bob", "alice"),
    () => store.quotas.set("user.alice", {}),
    () => store.annotations.set("user.alice", []),
    () => store.subscriptions.set("alice", "user.bob", true),
  ];
  for (const attempt of attempts) await assert.rejects(async () => attempt(), { code: "read_only" });
  const target = { systemFlags: 0, keywords: [], prefix: Buffer.alloc(0) };
  const results = await store.deliver(store.stageBuffer(Buffer.from("\r\n")), [
    { mailbox: id, ...target },
    { mailbox: bobs.id, ...target },
  ]);
  assert.deepEqual(
    results.map(({ status }) => status),
    ["refused", "delivered"],
  );
  // Reading goes on, and copying out of it.
  await store.copy(id, uids, bobs.id, { move: false }, BOB);
  authority.reserve = (changes) => {
    guard.foreign.add("bob");
    return Directory.prototype.reserve.call(authority, changes);
  };
  await assert.rejects(store.create("user.bob.late", {}), { code: "read_only" });
  assert.equal(authority.take().at(-1), "release");
});

test("renameUser takes rights, subscriptions, quota, seen states and private annotations along", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  const shared = await store.create("shared.team", {
    acl: [{ identifier: "alice", rights: "lrs" }, { identifier: "-alice", rights: "w" }],
  }); // prettier-ignore
  const [uid] = await trial.append(shared.id, "hello");
  await store.storeFlags(shared.id, [uid!], { mode: "add", systemFlags: 32, keywords: [] }, ALICE);
  await store.annotateMessages(
    shared.id,
    [uid!],
    [{ entry: "/comment", userId: "alice", value: Buffer.from("mine") }],
    ALICE,
  );
  await store.subscriptions.set("alice", "user.alice", true);
  await store.subscriptions.set("bob", "user.alice", true);
  await store.quotas.set("user.alice", { messageLimit: 10 });
  await trial.append(id, "a", "b");
  const view = await store.open(shared.id);
  assert.equal(view.isSeenBy("alice", 0), true);
  await store.renameUser("alice", "carol");
  const check = (): void => {
    assert.equal(store.mailboxes.byId(id)?.name, "user.carol");
    assert.deepEqual(
      store.mailboxes.byId(shared.id)?.acl.map(({ identifier }) => identifier),
      ["carol", "-carol"],
    );
    assert.deepEqual([...store.subscriptions.list("carol")], ["user.carol"]);
    assert.deepEqual([...store.subscriptions.list("bob")], ["user.carol"]);
    assert.equal(store.quotas.get("user.carol")?.messagesUsed, 2);
    assert.equal(store.quotas.get("user.alice"), undefined);
    assert.equal(store.seen.get("carol", shared.uniqueId)?.seenUids, "1");
    assert.equal(store.annotations.ofMessage(shared.id, uid!)[0]?.userId, "carol");
  };
  check();
  assert.deepEqual([view.isSeenBy("carol", 0), view.isSeenBy("alice", 0)], [true, false]);
  view.release();
  await trial.append(id, "c");
  assert.equal(store.quotas.get("user.carol")?.messagesUsed, 3);
});

test("deleteUser leaves nothing but what can be undeleted", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  await store.create("user.alice.a.b", {});
  await trial.append(id, "kept");
  await store.quotas.set("user.alice", { messageLimit: 10 });
  await store.subscriptions.set("alice", "user.alice", true);
  await store.deleteUser("alice");
  assert.deepEqual([...store.mailboxes.ofUser("alice")], []);
  assert.deepEqual([...store.subscriptions.list("alice")], []);
  assert.equal(store.quotas.get("user.alice"), undefined);
  const back = await store.undelete(id);
  assert.deepEqual([back.name, back.exists], ["user.alice", 1]);
});

test("rename of INBOX moves its messages and leaves it empty: RFC 9051 §6.3.6", async (context) => {
  const trial = await StoreTrial.open(context);
  const { store } = trial;
  const { id } = await store.create("user.alice", {});
  await trial.append(id, "one", "two");
  const view = await store.open(id);
  await store.rename(id, "user.alice.old", { withChildren: true });
  assert.equal(view.count, 0);
  view.release();
  assert.equal(store.mailboxes.get("user.alice").exists, 0);
  assert.equal(store.mailboxes.get("user.alice.old").exists, 2);
});
