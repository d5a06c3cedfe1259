// A user's mailboxes are made once, however many deliveries and logins come together, and mended after a crash.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { silentLog } from "../../src/base/log.ts";
import type { DeliverySettings } from "../../src/delivery/options.ts";
import { Provision } from "../../src/delivery/provision.ts";
import type { Directory, User } from "../../src/directory/port.ts";
import type { Store } from "../../src/store/port.ts";
import { openInlineStore } from "../support/inline-store.ts";

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

interface Trial {
  readonly store: Store;
  /** Names in the order in which they were made. */
  readonly created: string[];
  /** The process ends before this name is made. */
  failOn: string;
}

async function trialOf(context: TestContext): Promise<Trial> {
  const inline = await openInlineStore({
    onNameChange({ kind, name }) {
      if (kind !== "create") return;
      if (name === trial.failOn) throw new Error("the process ends here");
      trial.created.push(name);
    },
  });
  context.after(() => inline.close());
  const trial: Trial = { store: inline.store, created: [], failOn: "" };
  return trial;
}

function provisionOn({ store }: Trial, settings: Partial<DeliverySettings> = {}): Provision {
  return new Provision({ store, directory, log: silentLog, settings: { ...SETTINGS, ...settings } });
}

const ALL = ["user.alice", "user.alice.Junk", "user.alice.Sent"];

test("Provision makes mailboxes, subscriptions and quota exactly once", async (context) => {
  const trial = await trialOf(context);
  const { store } = trial;
  const provision = provisionOn(trial);
  assert.deepEqual(
    await Promise.all(Array.from({ length: 20 }, () => provision.ensure("alice"))),
    Array(20).fill(true),
  );
  assert.deepEqual(trial.created.toSorted(), ALL);
  assert.deepEqual([...store.subscriptions.list("alice")].sort(), ALL);
  assert.equal(store.quotas.get("user.alice")?.storageLimitBytes, 1000);
  assert.deepEqual(store.mailboxes.get("user.alice.Sent").specialUse, ["sent"]);
  assert.equal(await provision.ensure("nobody"), false);
});

test("Provision does not make again what the user deleted", async (context) => {
  const trial = await trialOf(context);
  const { store } = trial;
  await provisionOn(trial).ensure("alice");
  await store.delete(store.mailboxes.get("user.alice.Junk").id);
  assert.equal(await provisionOn(trial).ensure("alice"), true);
  assert.equal(store.mailboxes.find("user.alice.Junk"), undefined);
});

test("Provision goes on where a crash stopped it", async (context) => {
  const trial = await trialOf(context);
  trial.failOn = "user.alice.Sent";
  await assert.rejects(provisionOn(trial).ensure("alice"), /ends here/);
  trial.failOn = "";
  assert.equal(await provisionOn(trial).ensure("alice"), true);
  assert.deepEqual(trial.created.toSorted(), ALL);
});

test("Provision makes nothing when autocreation is off", async (context) => {
  const trial = await trialOf(context);
  assert.equal(await provisionOn(trial, { autocreate: false }).ensure("alice"), false);
  assert.deepEqual(trial.created, []);
});
