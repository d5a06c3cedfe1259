// A user's mailboxes are made once, however many deliveries and logins come together, and mended after a crash.
import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import type { DeliverySettings } from "../../src/delivery/options.ts";
import { Provision } from "../../src/delivery/provision.ts";
import type { Directory, User } from "../../src/directory/port.ts";
import { DeliveringStore } from "../support/delivering-store.ts";

const SETTINGS: DeliverySettings = {
  duplicateSuppression: true,
  overQuota: "temporary",
  plusFolders: true,
  plusPostRight: true,
  autocreate: true,
  autocreateFolders: new Map([
    ["Sent", "sent"],
    ["Junk", "junk"],
  ]),
  autocreateQuotaBytes: 1000,
  maxReceived: 100,
};
const ALICE: User = {
  userId: "alice",
  displayName: "",
  addresses: ["alice@example.test"],
  isAdmin: false,
  isProxy: false,
  enabled: true,
  quotaBytes: undefined,
};
/** The one method that provisioning asks. */
const directory = {
  findUser: (name: string) => Promise.resolve(name === "alice" ? ALICE : undefined),
} as Directory;

class CountingStore extends DeliveringStore {
  created: string[] = [];
  failOn = "";
  override async create(name: string, options: Parameters<DeliveringStore["create"]>[1]) {
    if (name === this.failOn) throw new Error("the process ends here");
    this.created.push(name);
    return super.create(name, options);
  }
}

function provisionOn(store: CountingStore, settings: Partial<DeliverySettings> = {}): Provision {
  const ports = { store: store.asStore(), directory, log: silentLog };
  return new Provision({ ...ports, settings: { ...SETTINGS, ...settings } });
}

const ALL = ["user.alice", "user.alice.Junk", "user.alice.Sent"];

test("Provision makes mailboxes, subscriptions and quota exactly once", async () => {
  const store = new CountingStore(() => 0);
  const provision = provisionOn(store);
  assert.deepEqual(
    await Promise.all(Array.from({ length: 20 }, () => provision.ensure("alice"))),
    Array(20).fill(true),
  );
  assert.deepEqual(store.created.toSorted(), ALL);
  assert.deepEqual(store.subscriptions.list("alice").toSorted(), ALL);
  assert.equal(store.quotas.get("user.alice")?.storageLimitBytes, 1000);
  assert.deepEqual(store.mailboxes.get("user.alice.Sent").specialUse, ["sent"]);
  assert.equal(await provision.ensure("nobody"), false);
});

test("Provision does not make again what the user deleted", async () => {
  const store = new CountingStore(() => 0);
  await provisionOn(store).ensure("alice");
  await store.delete(store.mailboxes.get("user.alice.Junk").id);
  assert.equal(await provisionOn(store).ensure("alice"), true);
  assert.equal(store.mailboxes.find("user.alice.Junk"), undefined);
});

test("Provision goes on where a crash stopped it", async () => {
  const store = new CountingStore(() => 0);
  store.failOn = "user.alice.Sent";
  await assert.rejects(provisionOn(store).ensure("alice"), /ends here/);
  store.failOn = "";
  assert.equal(await provisionOn(store).ensure("alice"), true);
  assert.deepEqual(store.created.toSorted(), ALL);
});

test("Provision makes nothing when autocreation is off", async () => {
  const store = new CountingStore(() => 0);
  assert.equal(await provisionOn(store, { autocreate: false }).ensure("alice"), false);
  assert.deepEqual(store.created, []);
});
