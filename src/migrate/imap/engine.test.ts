import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_LIMITS } from "../../../test/support/migration.ts";
import { fetchLine } from "../../../test/support/fake-imap-source.ts";
import { inbox, messages, setUp } from "../../../test/support/migration-scene.ts";
import { textReport, userReport } from "../ledger/report.ts";

const ITEMS = "UID FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[]";
const USER = { source: "old", sourceUid: "alice" };

test("engine: a connection that ends in the middle is made anew, nothing is lost or doubled", async (t) => {
  const { migration, stored, fake } = await setUp(t, {
    ...inbox(500),
    message: ({ uid }, { number }) => (uid === number * 150 ? "hang up" : undefined),
  });
  const result = await migration.ok(migration.job({}));
  assert.equal(result.syncMessageCount, 500);
  assert.equal((await stored("user.alice")).size, 500);
  assert.ok(fake.sessions >= 3);
});

test("engine: a message that ends the connection each time is recorded as missing, its neighbours are copied", async (t) => {
  const setup = await setUp(t, {
    ...inbox(60),
    message: ({ uid }) => (uid === 33 ? "hang up" : undefined),
  });
  await setup.migration.ok(setup.migration.job({}));
  const bodies = await setup.stored("user.alice");
  assert.equal(bodies.size, 59);
  assert.ok(!bodies.has(33));
  const text = textReport(await userReport(setup.migration.ledger, USER));
  assert.match(text, /UID 33 missing: fetching it ends the connection/);
  // Mended at the source: the next run has it.
  setup.options.message = () => undefined;
  await setup.migration.ok(setup.migration.job({}));
  assert.equal((await setup.stored("user.alice")).get(33), "Subject: 33\r\n\r\nbody of 33\r\n");
});

test("engine: a literal of a wrong size breaks the protocol, not the copy", async (t) => {
  const { migration, stored } = await setUp(t, {
    ...inbox(20),
    message: (message, { number }) =>
      message.uid === 7 && number < 9 ? fetchLine(7, message, ITEMS, message.body.length + 3) : undefined,
  });
  const result = await migration.run(migration.job({}));
  assert.equal(result.status, "SUCCESS", result.error);
  const bodies = await stored("user.alice");
  assert.equal(bodies.size, 19);
  assert.ok(!bodies.has(7));
});

test("engine: messages that are listed and not given out are missing, each with its reason", async (t) => {
  const { migration, stored } = await setUp(t, {
    ...inbox(30),
    message: ({ uid }) => {
      if (uid === 4) return `* 4 FETCH (UID 4 FLAGS () BODY[] NIL)\r\n`;
      return uid === 5 ? "" : undefined;
    },
    answer: (command) =>
      command.startsWith("UID FETCH 5 ") ? "TAG NO [SERVERBUG] disk error\r\n" : undefined,
  });
  const result = await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice")).size, 28);
  const text = textReport(await userReport(migration.ledger, USER));
  assert.match(text, /UID 4 missing: the source lists it and gives no body/);
  assert.match(text, /UID 5 missing: the source said NO \[SERVERBUG\] disk error/);
  assert.match(JSON.stringify(result.details), /2 missing/);
});

test("engine: a source that stalls is given up and asked again", async (t) => {
  const { migration, stored } = await setUp(
    t,
    { ...inbox(50), message: ({ uid }, { number }) => (uid === 20 && number === 1 ? "stall" : undefined) },
    { settings: { silenceMs: 100 } },
  );
  await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice")).size, 50);
});

test("engine: a throttling source makes all workers slower", async (t) => {
  const reasons: string[] = [];
  const { migration, stored } = await setUp(t, {
    ...inbox(50),
    answer: (command, { number }) =>
      command.startsWith("UID FETCH") && number === 1
        ? "TAG NO [THROTTLED] slow down\r\n* BYE [THROTTLED] later\r\n"
        : undefined,
  });
  const job = migration.job({});
  const pace = { ...NO_LIMITS, backOff: (reason: string) => void reasons.push(reason) };
  const result = await migration.run(job, { pace });
  assert.equal(result.status, "SUCCESS", result.error);
  assert.equal((await stored("user.alice")).size, 50);
  assert.equal(reasons.length, 1);
  assert.match(reasons[0] ?? "", /THROTTLED/);
});

test("engine: a refused login fails at once, a temporary refusal is tried again", async (t) => {
  let refusals = 0;
  const { migration } = await setUp(t, {
    ...inbox(1),
    answer: (command, { number }) => {
      if (!command.startsWith("AUTHENTICATE")) return undefined;
      if (number === 1) return "TAG NO [UNAVAILABLE] try later\r\n";
      refusals++;
      return "TAG NO [AUTHENTICATIONFAILED] wrong\r\n";
    },
  });
  const result = await migration.run(migration.job({}));
  assert.equal(result.status, "FAILED");
  assert.match(result.error ?? "", /AUTHENTICATIONFAILED/);
  assert.equal(refusals, 1);
});

test("engine: messages above the limit are skipped with their size, large ones go through a file", async (t) => {
  const options = inbox(5);
  const body = (bytes: number): Buffer => Buffer.from(`Subject: large\r\n\r\n${"x".repeat(bytes)}`);
  options.folders[0]!.messages.push(
    { uid: 6, flags: "", body: body(900_000) },
    { uid: 7, flags: "", body: body(2_000_000) },
  );
  const { migration, stored } = await setUp(t, options, { maxMessageBytes: 1_000_000 });
  await migration.ok(migration.job({}));
  assert.deepEqual([...(await stored("user.alice")).keys()], [1, 2, 3, 4, 5, 6]);
  const text = textReport(await userReport(migration.ledger, USER));
  assert.match(text, /UID 7 skipped: 2000018 bytes, more than the 1000000/);
});

test("engine: without CONDSTORE and LIST-STATUS flags and deletions come over with the cutover", async (t) => {
  const { migration, stored, options, store } = await setUp(t, {
    capabilities: "IMAP4rev1",
    ...inbox(10),
  });
  options.folders[0]!.highestModseq = 0;
  await migration.ok(migration.job({}));
  const folder = options.folders[0]!;
  folder.messages = folder.messages.filter(({ uid }) => uid !== 3);
  folder.messages[4]!.flags = "\\Seen \\Flagged Work";
  folder.messages.push(...messages(2, 11));
  const result = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(result.syncMessageCount, 2);
  assert.equal(result.expungedMessageCount, 1);
  assert.deepEqual([...(await stored("user.alice")).keys()], [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const record = store.findRecord(store.mailboxes.get("user.alice").id, 6 as never);
  assert.deepEqual(record?.keywords, ["Work"]);
});

test("engine: UIDVALIDITY changes, messages are recognised by their bytes", async (t) => {
  const { migration, stored, options } = await setUp(t, inbox(10));
  await migration.ok(migration.job({}));
  const folder = options.folders[0]!;
  folder.uidValidity = 10;
  // Other numbers, one less, one more.
  folder.messages = [
    ...messages(9).map((message) => ({ ...message, uid: message.uid + 100 })),
    ...messages(1, 500),
  ];
  const result = await migration.ok(migration.job({}));
  assert.equal(result.syncMessageCount, 1);
  const bodies = [...(await stored("user.alice")).values()].sort();
  assert.deepEqual(bodies, folder.messages.map(({ body }) => body.toString()).sort());
});

test("engine: a dry run changes nothing on either side", async (t) => {
  const { migration, store, fake } = await setUp(t, inbox(10));
  const result = await migration.ok(migration.job({}, { dryRun: true }));
  assert.equal(result.syncMessageCount, 10);
  assert.equal(store.mailboxes.find("user.alice"), undefined);
  assert.equal((await migration.ledger.folders(USER)).size, 0);
  const reading =
    /^(?:AUTHENTICATE|LOGIN|CAPABILITY|NAMESPACE|LIST|STATUS|EXAMINE|UID SEARCH|UID FETCH|LOGOUT)/;
  assert.deepEqual(
    fake.commands.filter((command) => !reading.test(command)),
    [],
  );
  assert.ok(fake.commands.every((command) => !/BODY\[/.test(command)));
});

test("engine: a run without changes asks nothing of any folder", async (t) => {
  const { migration, fake } = await setUp(t, inbox(10));
  await migration.ok(migration.job({}));
  const before = fake.commands.length;
  await migration.ok(migration.job({}));
  const names = fake.commands.slice(before).map((command) => command.split(" ")[0]);
  assert.deepEqual(names, ["AUTHENTICATE", "NAMESPACE", "LIST", "LOGOUT"]);
});

test("engine: an over-full target ends the run for a while, the next one goes on", async (t) => {
  const { migration, store, stored } = await setUp(t, inbox(300));
  await store.create("user.alice", {});
  await store.quotas.set("user.alice", { messageLimit: 120 });
  const result = await migration.run(migration.job({}));
  assert.equal(result.status, "FAILED");
  assert.match(result.error ?? "", /no room/);
  assert.deepEqual(result.retry, { afterMs: 60_000, pauses: 3 });
  await store.quotas.set("user.alice", { messageLimit: 1000 });
  await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice")).size, 300);
  const text = textReport(await userReport(migration.ledger, USER));
  assert.match(text, /300 saved, 0 were there, 0 skipped, 0 missing/);
});

test("engine: a target that may have no more folders ends the run for a while, too", async (t) => {
  const { migration, store, stored, options } = await setUp(t, inbox(1));
  options.folders.push({ name: "Old", uidValidity: 30, messages: messages(3) });
  await store.create("user.alice", {});
  await store.quotas.set("user.alice", { mailboxLimit: 1 });
  const result = await migration.run(migration.job({}));
  assert.match(result.error ?? "", /over its limit/);
  assert.deepEqual(result.retry, { afterMs: 60_000, pauses: 3 });
  await store.quotas.set("user.alice", { mailboxLimit: 2 });
  await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice.Old")).size, 3);
});

test("engine: mail that was delivered here meanwhile keeps its UID, newcomers get others", async (t) => {
  const { migration, store, stored, options } = await setUp(t, inbox(5));
  await migration.ok(migration.job({}));
  const mailbox = store.mailboxes.get("user.alice");
  const body = store.stageBuffer(Buffer.from("Subject: new here\r\n\r\n"));
  const by = { userId: "alice", sessionId: 0 };
  await store.append(mailbox.id, [{ body, systemFlags: 0, keywords: [] }], by);
  options.folders[0]!.messages.push(...messages(2, 6));
  const result = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(result.syncMessageCount, 2);
  const bodies = await stored("user.alice");
  assert.equal(bodies.get(6), "Subject: new here\r\n\r\n");
  assert.equal(bodies.size, 8);
  const again = await migration.ok(migration.job({}));
  assert.equal(again.syncMessageCount, 0);
});

test("engine: a verification finds what is gone from the target", async (t) => {
  const { migration, store } = await setUp(t, inbox(10), { settings: { verify: "digests" } });
  await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(await migration.ledger.whyNotCutOver(USER), undefined);
  const mailbox = store.mailboxes.get("user.alice");
  await store.expunge(mailbox.id, [4 as never], { onlyDeleted: false }, { userId: "alice", sessionId: 0 });
  await migration.ok(migration.job({}, { dryRun: true }));
  assert.match((await migration.ledger.whyNotCutOver(USER)) ?? "", /1 losses/);
  const text = textReport(await userReport(migration.ledger, USER));
  assert.match(text, /INBOX: 10 at the source, 9 at the target, 1 losses\n *UID 4 gone from the target/);
});

test("engine: Gmail's All Mail becomes an archive of what lies nowhere else", async (t) => {
  const { migration, stored } = await setUp(t, {
    capabilities:
      "IMAP4rev1 SASL-IR AUTH=PLAIN NAMESPACE LIST-EXTENDED LIST-STATUS SPECIAL-USE ESEARCH CONDSTORE X-GM-EXT-1",
    folders: [
      { name: "INBOX", uidValidity: 1, messages: messages(3) },
      { name: "[Gmail]", uidValidity: 2, attributes: "\\Noselect", messages: [] },
      {
        name: "[Gmail]/All Mail",
        uidValidity: 3,
        attributes: "\\All",
        messages: [
          { ...messages(1)[0]!, uid: 1, labels: '"\\\\Inbox"' },
          { ...messages(1, 50)[0]!, uid: 2, labels: '"\\\\Important"' },
          { ...messages(1, 51)[0]!, uid: 3 },
        ],
      },
      { name: "[Gmail]/Starred", uidValidity: 4, attributes: "\\Flagged", messages: messages(1) },
    ],
  });
  await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice")).size, 3);
  assert.deepEqual([...(await stored("user.alice.Archive")).keys()], [2, 3]);
});

test("engine: a refresh token is exchanged at each login", async (t) => {
  const asked: string[] = [];
  const { migration, fake } = await setUp(
    t,
    { ...inbox(2), capabilities: "IMAP4rev1 SASL-IR AUTH=XOAUTH2 LIST-EXTENDED LIST-STATUS ESEARCH" },
    {
      ports: {
        tokens: (user, refresh) => {
          asked.push(`${user} ${refresh.reveal()}`);
          return Promise.resolve(refresh);
        },
      },
    },
  );
  const user = {
    password: "refresh-me",
    email: "alice@example.org",
    imapcOptions: ["imapc_sasl_mechanisms=xoauth2"],
  };
  await migration.ok(migration.job(user));
  assert.deepEqual(asked, ["alice@example.org refresh-me"]);
  const [, first = ""] = /^AUTHENTICATE XOAUTH2 (\S+)/.exec(fake.commands[0] ?? "") ?? [];
  assert.equal(Buffer.from(first, "base64").toString(), "user=alice\x01auth=Bearer refresh-me\x01\x01");
});

test("engine: stops soon when the job is taken away", async (t) => {
  const stop = new AbortController();
  const { migration } = await setUp(t, {
    ...inbox(500),
    message: ({ uid }) => {
      if (uid === 250) stop.abort();
      return undefined;
    },
  });
  const result = await migration.run(migration.job({}), { signal: stop.signal });
  assert.equal(result.status, "ABORTED");
  await migration.ok(migration.job({}));
});

test("engine: a source that suddenly lists nothing is in trouble, its user has not deleted everything", async (t) => {
  const { migration, stored, options } = await setUp(t, inbox(20));
  await migration.ok(migration.job({}));
  options.folders[0]!.highestModseq = 7;
  options.answer = (command) =>
    command.startsWith("UID SEARCH") ? '* ESEARCH (TAG "TAG") UID\r\nTAG OK done\r\n' : undefined;
  const result = await migration.run(migration.job({}));
  assert.equal(result.status, "FAILED");
  assert.match(result.error ?? "", /lists 0 of 20 messages/);
  assert.equal((await stored("user.alice")).size, 20);
});

test("engine: a source may send the tagged lines of a pipeline together", async (t) => {
  const options = inbox(500);
  options.folders.push({ name: "Other", uidValidity: 10, messages: messages(300) });
  const { migration, stored } = await setUp(t, { ...options, holdsTaggedLines: true });
  await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice")).size, 500);
  assert.equal((await stored("user.alice.Other")).size, 300);
});

test("engine: a message of no bytes is copied like any other", async (t) => {
  const options = inbox(3);
  options.folders[0]!.messages.push({ uid: 4, flags: "", body: Buffer.alloc(0) }, ...messages(2, 5));
  const { migration, stored } = await setUp(t, options);
  await migration.ok(migration.job({}));
  const bodies = await stored("user.alice");
  assert.deepEqual([...bodies.keys()], [1, 2, 3, 4, 5, 6]);
  assert.equal(bodies.get(4), "");
  assert.equal((await migration.ok(migration.job({}))).syncMessageCount, 0);
});
