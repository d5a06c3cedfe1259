import assert from "node:assert/strict";
import { test } from "node:test";
import { FilterHost } from "../../../../test/support/filter-host.ts";
import type { Log } from "../../../base/log.ts";
import { TextIndex } from "../../../index/text-index.ts";
import { DEFAULT_NAMESPACE } from "../../../store/namespace.ts";
import { SystemFlag } from "../../../store/model.ts";
import { SubmissionRefusal } from "../../../submission/refusal.ts";
import { summarize } from "../../../mime/summarize.ts";
import { conversationId, conversationKey } from "../../mail/conversation.ts";
import { AccountError, type Vacation } from "../port.ts";
import { LocalAccount } from "./local-account.ts";
import { mailActionsOf } from "./mail-actions.ts";
import type { Outgoing } from "./send.ts";
import type { LocalServices, LocalUser } from "./services.ts";
import { TreeWatch } from "./tree-watch.ts";

interface Fixture {
  readonly host: FilterHost;
  readonly account: LocalAccount;
  readonly sent: {
    sender: string;
    recipients: readonly string[];
    text: string;
    onceKey: string | undefined;
  }[];
  refuseWith: Error | undefined;
}

async function withAccount(work: (fixture: Fixture) => Promise<void>): Promise<void> {
  const host = await FilterHost.open();
  const index = await TextIndex.open({
    source: host.store,
    clock: host.clock,
    path: ":memory:",
    onError() {},
  });
  const quiet = (): void => {};
  const log: Log = {
    trace: quiet,
    debug: quiet,
    info: quiet,
    warn: quiet,
    error: quiet,
    enabled: () => false,
  };
  const sent: Fixture["sent"] = [];
  const fixture: { refuseWith: Error | undefined } = { refuseWith: undefined };
  const outgoing: Outgoing = {
    send(_userId, sender, recipients, bytes, _received, onceKey) {
      if (fixture.refuseWith !== undefined) return Promise.reject(fixture.refuseWith);
      sent.push({ sender, recipients, text: bytes.toString(), onceKey });
      return Promise.resolve();
    },
  };
  const user: LocalUser = {
    userId: "alice",
    isAdmin: false,
    groups: [],
    by: { userId: "alice", sessionId: 0 },
    user: {
      userId: "alice",
      displayName: "Alice",
      addresses: ["alice@example.test"],
      isAdmin: false,
      isProxy: false,
      enabled: true,
      quotaBytes: undefined,
    },
  };
  const people = {
    search: () => Promise.resolve({ total: 0, people: [] }),
    photo: () => Promise.resolve(Buffer.alloc(2_000)),
    close: quiet,
  };
  const tree = new TreeWatch(host.store);
  const services: LocalServices = {
    store: host.store,
    directory: { defaultDomain: "example.test" } as unknown as LocalServices["directory"],
    provision: () => Promise.resolve(),
    namespace: DEFAULT_NAMESPACE,
    clock: host.clock,
    log,
    tree,
    mailActions: (one) =>
      mailActionsOf(services, { outgoing, textSearch: index, people, scripts: host.scripts }, one),
  };
  try {
    await work(Object.assign(fixture, { host, account: new LocalAccount(services, user), sent }));
  } finally {
    tree.close();
    await index.close();
    await host.close();
  }
}

const MESSAGE =
  "From: Alice <alice@example.test>\r\nTo: Bob <bob@remote.test>, team: carol@remote.test;\r\nBcc: dan@remote.test\r\n" +
  "Message-ID: <m1@example.test>\r\nSubject: hi\r\n\r\nhello\r\n";

test("send: everybody who is named gets it, a copy with Bcc is kept, in a Sent that is made when missing (OP-130)", () =>
  withAccount(async ({ host, account, sent }) => {
    await host.deliver("Subject: makes the mailbox\n\n");
    const bytes = Buffer.from(MESSAGE);
    await account.send({ bytes, saveInSent: true, onceKey: "k" });
    assert.deepEqual(sent[0]?.recipients, ["bob@remote.test", "carol@remote.test", "dan@remote.test"]);
    assert.deepEqual([sent[0]?.sender, sent[0]?.onceKey], ["alice@example.test", "k"]);
    assert.deepEqual(await host.texts("Sent"), [MESSAGE.replaceAll("\r\n", "\n")]);
    assert.equal((await host.flagsOf("Sent")).systemFlags, SystemFlag.seen);
    // Sent again with the same key: the queue knows it, and there is one copy.
    await account.send({ bytes, saveInSent: true, onceKey: "k" });
    assert.equal((await host.texts("Sent")).length, 1);
  }));

test("send: refusals of the submission in the gateway's words", () =>
  withAccount(async (fixture) => {
    const { account } = fixture;
    const codeOf = async (bytes: string): Promise<string> => {
      try {
        await account.send({ bytes: Buffer.from(bytes), saveInSent: false });
        return "sent";
      } catch (error) {
        return error instanceof AccountError ? error.code : String(error);
      }
    };
    assert.equal(await codeOf("From: a@example.test\r\n\r\n"), "no_recipient");
    fixture.refuseWith = new SubmissionRefusal("sender_denied", "no");
    assert.equal(await codeOf(MESSAGE), "sender_denied");
    fixture.refuseWith = new SubmissionRefusal("rate_limited", "no");
    assert.equal(await codeOf(MESSAGE), "unavailable");
  }));

test("searchMail: words, fields and dates, newest first, by pages", () =>
  withAccount(async ({ host, account }) => {
    await host.deliver("From: bob@remote.test\nSubject: apples and pears\n\nfruit\n");
    await host.deliver("From: carol@remote.test\nSubject: apples only\n\nmore fruit\n");
    const query = { folderKey: undefined, withChildren: true, freeText: "", offset: 0, limit: 10 };
    const uids = async (more: object): Promise<number[]> =>
      (await account.searchMail({ ...query, ...more })).hits.map(({ uid }) => uid);
    assert.deepEqual(await uids({ freeText: "apples fruit" }), [2, 1]);
    assert.deepEqual(await uids({ freeText: '"apples and"' }), [1]);
    assert.deepEqual(await uids({ from: "carol" }), [2]);
    assert.deepEqual(await uids({ freeText: "apples", offset: 1, limit: 1 }), [1]);
    assert.deepEqual(await uids({ before: 1 }), []);
    assert.equal((await account.searchMail({ ...query, freeText: "apples", limit: 1 })).total, 2);
  }));

test("searchMail: a conversation, also where the store has no thread ids", () =>
  withAccount(async ({ host, account }) => {
    await host.deliver("Message-ID: <a@x>\nSubject: one\n\n");
    await host.deliver("Message-ID: <b@x>\nReferences: <a@x>\nSubject: Re: one\n\n");
    await host.deliver("Message-ID: <c@x>\nSubject: two\n\n");
    const id = conversationId("", summarize(Buffer.from("Message-ID: <a@x>\r\n\r\n")));
    const query = { folderKey: undefined, withChildren: true, freeText: "", offset: 0, limit: 10 };
    const { hits } = await account.searchMail({ ...query, conversation: conversationKey(id) ?? "" });
    assert.deepEqual(
      hits.map(({ uid }) => uid),
      [2, 1],
    );
    assert.equal((await account.searchMail({ ...query, conversation: "00000000000000a1" })).total, 0);
  }));

test("photo: none larger than the device takes", () =>
  withAccount(async ({ account }) => {
    assert.equal(await account.photo("bob@example.test", 1_000), "too_big");
    assert.equal(Buffer.isBuffer(await account.photo("bob@example.test", 4_000)), true);
  }));

const OUT: Vacation = {
  enabled: true,
  startsAt: undefined,
  endsAt: undefined,
  internal: { text: 'inside\n.dot "quoted"', isHtml: false },
  externalKnown: undefined,
  externalUnknown: { text: "<p>outside</p>", isHtml: true },
};

async function answerTo(host: FilterHost, sender: string): Promise<string> {
  const before = host.outbound.mails.length;
  await host.deliver(`From: ${sender}\nTo: alice@example.test\nSubject: where are you\n\n`, { sender });
  return host.outbound.mails[before]?.bytes.toString() ?? "";
}

test("setVacation: answers inside and outside, and what was set is read again", () =>
  withAccount(async ({ host, account }) => {
    await host.deliver("Subject: makes the mailbox\n\n");
    await account.setVacation(OUT);
    assert.deepEqual(await account.vacation(), OUT);
    assert.match(await answerTo(host, "carol@example.test"), /inside\r\n\.dot "quoted"/);
    const outside = await answerTo(host, "bob@remote.test");
    assert.match(outside, /Content-Type: text\/html; charset=utf-8/);
    assert.match(outside, /PHA\+b3V0c2lkZTwvcD4=/);
    assert.equal(await answerTo(host, "bob@remote.test"), "", "one answer to a sender");
    await account.setVacation({ ...OUT, enabled: false });
    assert.equal((await account.vacation()).enabled, false);
    assert.deepEqual((await account.vacation()).internal, OUT.internal);
    assert.equal(await answerTo(host, "erin@example.test"), "");
  }));

test("setVacation: answers only between its times", () =>
  withAccount(async ({ host, account }) => {
    await host.deliver("Subject: makes the mailbox\n\n");
    const now = Math.floor(host.clock.nowMs() / 1000);
    await account.setVacation({ ...OUT, startsAt: now + 3_600, endsAt: now + 7_200 });
    assert.equal(await answerTo(host, "carol@example.test"), "");
    await account.setVacation({ ...OUT, startsAt: now - 3_600, endsAt: now + 7_200 });
    assert.match(await answerTo(host, "carol@example.test"), /inside/);
    await account.setVacation({ ...OUT, startsAt: now - 7_200, endsAt: now - 3_600 });
    assert.equal(await answerTo(host, "dan@example.test"), "");
  }));

test("setVacation: the user's own filters go on and come back; a second answer is refused", () =>
  withAccount(async ({ host, account }) => {
    await host.script('require "fileinto"; if header "subject" "where are you" { fileinto "Junk"; }');
    await account.setVacation(OUT);
    assert.match(await answerTo(host, "carol@example.test"), /inside/);
    assert.equal((await host.texts("Junk")).length, 1);
    await account.setVacation({ ...OUT, enabled: false });
    const active = (await host.scripts.list("alice")).find(({ isActive }) => isActive);
    assert.equal(active?.name, "main");
    await host.scripts.put(
      "alice",
      "main",
      Buffer.from('require "vacation"; # no "vacation" here\r\nvacation "mine";'),
    );
    await assert.rejects(
      account.setVacation(OUT),
      (error) => error instanceof AccountError && error.code === "permission_denied",
    );
  }));
