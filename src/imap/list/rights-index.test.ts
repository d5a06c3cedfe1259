import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAcl } from "../../store/acl.ts";
import type { Store } from "../../store/port.ts";
import { MemoryStore } from "../../../test/support/memory-store.ts";
import { SimClock } from "../../../test/sim/sim-clock.ts";
import { RightsIndex } from "./rights-index.ts";

async function names(index: RightsIndex, ...identifiers: string[]): Promise<string[]> {
  return (await index.candidates(identifiers)).map(({ name }) => name);
}

async function storeWith(mailboxes: number): Promise<Store> {
  const store = new MemoryStore(() => 0).asStore();
  for (let number = 0; number < mailboxes; number++) await store.create(`user.u${number}`, {});
  return store;
}

test("RightsIndex finds by user, group and anyone; owners and negative rights do not count", async () => {
  const store = await storeWith(4);
  const set = async (name: string, acl: string): Promise<void> =>
    store.setAcl(store.mailboxes.get(name).id, parseAcl(acl));
  await set("user.u0", "u0\tlr\tbob\tlr\t");
  await set("user.u1", "group:staff\tl\t-bob\tr\t");
  await set("user.u2", "anyone\tl\t");
  const index = new RightsIndex(store, new SimClock());
  assert.deepEqual(await names(index, "bob", "group:staff", "anyone"), ["user.u0", "user.u1", "user.u2"]);
  assert.deepEqual(await names(index, "u0"), []);
  assert.deepEqual(await names(index, "-bob"), []);
});

test("RightsIndex follows changes of rights, renames and deletes", async () => {
  const store = await storeWith(3);
  const index = new RightsIndex(store, new SimClock());
  assert.deepEqual(await names(index, "bob"), []);
  const { id } = store.mailboxes.get("user.u1");
  await store.setAcl(id, parseAcl("bob\tl\t"));
  assert.deepEqual(await names(index, "bob"), ["user.u1"]);
  await store.rename(id, "user.zoe", { withChildren: true });
  assert.deepEqual(await names(index, "bob"), ["user.zoe"]);
  await store.setAcl(id, parseAcl("carol\tl\t"));
  assert.deepEqual(await names(index, "bob"), []);
  assert.deepEqual(await names(index, "carol"), ["user.zoe"]);
  await store.delete(id);
  assert.deepEqual(await names(index, "carol"), []);
});

test("RightsIndex is built with turns for others, and what changes meanwhile is not lost", async () => {
  const store = await storeWith(1000);
  const clock = new SimClock();
  const list = store.mailboxes.list.bind(store.mailboxes);
  let walks = 0;
  // Each mailbox takes a millisecond to read.
  store.mailboxes.list = function* (prefix) {
    walks++;
    for (const mailbox of list(prefix)) {
      clock.advance(1);
      yield mailbox;
    }
  };
  const index = new RightsIndex(store, clock);
  let turns = 0;
  let done = false;
  const count = (): void => {
    turns++;
    if (!done) setImmediate(count);
  };
  setImmediate(count);
  const first = index.candidates(["bob"]);
  await store.setAcl(store.mailboxes.get("user.u0").id, parseAcl("bob\tl\t"));
  await first;
  done = true;
  assert.deepEqual(await names(index, "bob"), ["user.u0"]);
  assert.equal(walks, 1);
  assert.ok(turns >= 1000 / 64 - 2, `${turns} turns`);
});
