// Another IMAP server as the target; here a Rookery of which the client hears less than it can do.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { Secret } from "../../base/secret.ts";
import { type Mailbox, SystemFlag } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { type FakeOptions } from "../../../test/support/fake-imap-source.ts";
import { ImapListener, PASSWORD } from "../../../test/support/imap-listener.ts";
import { NO_LIMITS } from "../../../test/support/migration.ts";
import { inbox, messages, setUp, type Setup } from "../../../test/support/migration-scene.ts";
import { poorerNetwork } from "../../../test/support/poorer-network.ts";
import { ImapTarget } from "./imap-target.ts";

const NO_UIDPLUS = ["UIDPLUS", "IMAP4rev2", "MULTIAPPEND"];

async function toImap(
  t: TestContext,
  options: FakeOptions,
  without: readonly string[],
): Promise<Setup & { readonly there: Store }> {
  const server = await ImapListener.open(t);
  const { host, port } = server.address;
  const account = {
    host,
    port,
    tls: "off" as const,
    verify: false,
    user: "alice",
    login: { kind: "password" as const, password: new Secret(PASSWORD) },
    compress: false,
    silenceMs: 30_000,
  };
  const ports = {
    network: poorerNetwork(without),
    clock: systemClock,
    random: systemRandom,
    stage: (sizeBytes: number) => server.store.stage(sizeBytes),
  };
  const setup = await setUp(t, options, { openTarget: () => ImapTarget.connect(account, ports) });
  return { ...setup, there: server.store };
}

test("imap target without room: tried again later, and the source is not taken for the one that asks for less", async (t) => {
  const { migration, there } = await toImap(t, inbox(8), []);
  await there.quotas.set("user.alice", { messageLimit: 5 });
  const asked: string[] = [];
  const pace = { ...NO_LIMITS, backOff: (reason: string) => void asked.push(reason) };
  const result = await migration.run(migration.job({}), { pace });
  assert.match(result.error ?? "", /OVERQUOTA/);
  assert.notEqual(result.retry, undefined);
  assert.deepEqual(asked, []);
  await there.quotas.set("user.alice", { messageLimit: 50 });
  await migration.ok(migration.job({}));
  assert.equal((await subjects(there, there.mailboxes.get("user.alice"))).length, 8);
});

test("imap target without room for a folder: tried again later, too", async (t) => {
  const { migration, options, there } = await toImap(t, inbox(2), []);
  await migration.ok(migration.job({}));
  options.folders.push({ name: "Old", uidValidity: 30, messages: messages(3) });
  await there.quotas.set("user.alice", { messageLimit: 50 });
  const { mailboxesUsed } = there.quotas.rootOf("user.alice")!;
  await there.quotas.set("user.alice", { mailboxLimit: mailboxesUsed });
  const result = await migration.run(migration.job({}));
  assert.match(result.error ?? "", /^CREATE Old: NO \[OVERQUOTA\]/);
  assert.notEqual(result.retry, undefined);
  await there.quotas.set("user.alice", { mailboxLimit: mailboxesUsed + 1 });
  await migration.ok(migration.job({}));
  assert.equal(there.mailboxes.get("user.alice.Old").exists, 3);
});

test("imap target without UIDPLUS: changed flags and deletions find their messages", async (t) => {
  const { migration, options, there } = await toImap(t, inbox(8), NO_UIDPLUS);
  const folder = options.folders[0]!;
  // Two that are alike in everything but their flags.
  const twin = { ...messages(1, 50)[0]!, flags: "" };
  folder.messages.push({ ...twin, uid: 9 }, { ...twin, uid: 10, flags: "\\Seen" });
  await migration.ok(migration.job({}));
  const ledger = (await migration.ledger.folders(USER)).get("INBOX");
  assert.equal((await ledger?.find(1))?.targetUid, 0);
  folder.messages = folder.messages.filter(({ uid }) => uid !== 3);
  folder.messages.find(({ uid }) => uid === 5)!.flags = "\\Seen \\Flagged Work";
  folder.messages.find(({ uid }) => uid === 10)!.flags = "\\Answered";
  folder.highestModseq = 7;
  const result = await migration.ok(migration.job({}));
  assert.equal(result.expungedMessageCount, 1);
  assert.deepEqual(
    result.details.flatMap(({ errors = [] }) => errors),
    [],
  );
  const records = [...there.readRecords(there.mailboxes.get("user.alice").id)].flat();
  assert.deepEqual(await subjects(there, there.mailboxes.get("user.alice")), [
    "1",
    "2",
    "4",
    "5",
    "6",
    "7",
    "8",
    "50",
    "50",
  ]);
  assert.deepEqual(
    records.filter(({ keywords }) => keywords.includes("Work")).map(({ uid }) => uid),
    [5],
  );
  assert.deepEqual(
    records.slice(-2).map(({ systemFlags }) => systemFlags),
    [0, SystemFlag.answered],
  );
});

test("imap target without UIDPLUS: what cannot be told apart is left alone, and said", async (t) => {
  const { migration, options, there } = await toImap(t, inbox(3), NO_UIDPLUS);
  await migration.ok(migration.job({}));
  const mailbox = there.mailboxes.get("user.alice");
  // One more of the same is there now: whose is whose?
  await there.copy(mailbox.id, [2 as never], mailbox.id, { move: false }, BY);
  const folder = options.folders[0]!;
  folder.messages = folder.messages.filter(({ uid }) => uid !== 2);
  folder.highestModseq = 7;
  const result = await migration.ok(migration.job({}));
  assert.equal(result.expungedMessageCount, 0);
  assert.match(
    JSON.stringify(result.details),
    /INBOX: 1 were deleted at the source, and the target does not tell which they are there: UID 2 of the source/,
  );
  assert.deepEqual(await subjects(there, mailbox), ["1", "2", "3", "2"]);
});

test("imap target: the copy of a message that the source gives out no more survives new numbers", async (t) => {
  const { migration, options, there } = await toImap(t, inbox(10), []);
  await migration.ok(migration.job({}));
  const folder = options.folders[0]!;
  folder.uidValidity = 30;
  folder.messages = messages(10).map((message) => ({ ...message, uid: message.uid + 40 }));
  options.message = ({ uid }) => (uid === 45 ? "* 5 FETCH (UID 45 FLAGS () BODY[] NIL)\r\n" : undefined);
  const broken = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.match(JSON.stringify(broken.details), /INBOX: 1 copies .* are kept: 1 that the source has did not/);
  const all = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"];
  const mailbox = there.mailboxes.get("user.alice");
  assert.deepEqual(await subjects(there, mailbox), all);
  // When it comes it is recognised: nothing is copied twice, nothing goes.
  options.message = () => undefined;
  const mended = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.deepEqual([mended.syncMessageCount, mended.expungedMessageCount], [0, 0]);
  assert.deepEqual(await subjects(there, mailbox), all);
});

test("imap target without UIDPLUS: a folder that goes at the source goes there", async (t) => {
  const { migration, options, there } = await toImap(t, inbox(1), NO_UIDPLUS);
  options.folders.push({ name: "Old", uidValidity: 30, messages: messages(3) });
  await migration.ok(migration.job({}));
  assert.equal(there.mailboxes.get("user.alice.Old").exists, 3);
  options.folders.pop();
  await migration.ok(migration.job({}));
  assert.equal(there.mailboxes.find("user.alice.Old"), undefined);
});

test("imap target: a folder that is there gets its special use by METADATA, or the record says that it has none", async (t) => {
  for (const without of [[], ["METADATA"]]) {
    const { migration, options, there } = await toImap(t, inbox(1), without);
    await there.create("user.alice.Junk", {});
    options.folders.push({ name: "Junk", uidValidity: 30, attributes: "\\Junk", messages: messages(1) });
    const result = await migration.ok(migration.job({}));
    const hasMetadata = without.length === 0;
    assert.deepEqual(there.mailboxes.get("user.alice.Junk").specialUse, hasMetadata ? ["junk"] : []);
    const told = JSON.stringify(result.details).includes("Junk: special use junk: the target cannot give it");
    assert.equal(told, !hasMetadata);
  }
});

test("imap target: a new folder gets its use with CREATE, else by METADATA, else the record says so", async (t) => {
  for (const without of [[], ["CREATE-SPECIAL-USE"], ["CREATE-SPECIAL-USE", "METADATA"]]) {
    const { migration, options, there } = await toImap(t, inbox(1), without);
    options.folders.push({ name: "Junk", uidValidity: 30, attributes: "\\Junk", messages: messages(1) });
    const result = await migration.ok(migration.job({}));
    const isGiven = without.length < 2;
    assert.deepEqual(there.mailboxes.get("user.alice.Junk").specialUse, isGiven ? ["junk"] : []);
    assert.equal(JSON.stringify(result.details).includes("Junk: special use junk: "), !isGiven);
  }
});

const USER = { source: "old", sourceUid: "alice" };
const BY = { userId: "alice", sessionId: 0 };

async function subjects(store: Store, { id }: Mailbox): Promise<string[]> {
  const found: string[] = [];
  for (const { uid } of [...store.readRecords(id)].flat()) {
    found.push(/^Subject: (\S+)/.exec((await store.readBody(id, uid)).toString())?.[1] ?? "");
  }
  return found;
}
