import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { FilterHost } from "../../test/support/filter-host.ts";
import { SystemFlag } from "../store/model.ts";

const STORM = process.env["ROOKERY_LONG"] === "1" ? 10_000 : 200;

async function host(t: TestContext): Promise<FilterHost> {
  const made = await FilterHost.open();
  t.after(() => made.close());
  return made;
}

const MAIL =
  "From: Bob <bob@remote.test>\nTo: Alice <alice@example.test>\nSubject: Plan =?utf-8?q?f=C3=BCr?= morgen\n" +
  "Message-ID: <1@remote.test>\nDate: Thu, 1 Jan 2026 10:00:00 +0100\n\nHello Alice\n";

test("SieveFilter files by header, with flags; without a script and after discard nothing else", async (t) => {
  const one = await host(t);
  await one.deliver(MAIL.replace("<1@", "<0@"));
  assert.equal((await one.texts("")).length, 1);
  await one.script(
    'require ["fileinto", "imap4flags", "mailbox"]; if header :contains "subject" "für" { fileinto :create :flags ["\\\\Seen", "work"] "Work/Plans"; }',
  );
  assert.equal((await one.deliver(MAIL))?.status, "delivered");
  assert.equal((await one.texts("Work.Plans")).length, 1);
  assert.equal((await one.texts("")).length, 1);
  const { systemFlags, keywords } = await one.flagsOf("Work.Plans");
  assert.equal(systemFlags, SystemFlag.seen);
  assert.deepEqual(keywords, ["work"]);
  await one.script("discard;");
  assert.equal((await one.deliver(MAIL.replace("<1@", "<2@")))?.status, "discarded");
  assert.equal((await one.texts("")).length, 1);
});

test("SieveFilter finds mailboxes by special use and id, and falls back to INBOX", async (t) => {
  const one = await host(t);
  await one.script(
    'require ["fileinto", "special-use", "mailboxid"]; fileinto :specialuse "\\\\Junk" "Spam"; fileinto :mailboxid "nothing" "Gone";',
  );
  await one.deliver(MAIL);
  assert.equal((await one.texts("Junk")).length, 1);
  assert.equal((await one.texts("")).length, 1);
});

test("SieveFilter rejects in the protocol", async (t) => {
  const one = await host(t);
  await one.script('require "reject"; reject "not today";');
  const outcome = await one.deliver(MAIL);
  assert.equal(outcome?.status === "refused" && outcome.error.message, "not today");
});

test("SieveFilter edits the header of its own copy only, the rest stays octet for octet", async (t) => {
  const one = await host(t);
  await one.script(
    'require ["editheader", "fileinto", "copy"]; fileinto :copy "Junk"; addheader "X-Seen" "über"; deleteheader "subject";',
  );
  await one.deliver(MAIL);
  const [plain = ""] = await one.texts("Junk");
  const [edited = ""] = await one.texts("");
  assert.ok(plain.endsWith(MAIL));
  assert.ok(
    edited.endsWith(
      `X-Seen: =?utf-8?B?w7xiZXI=?=\n${MAIL.replace("Subject: Plan =?utf-8?q?f=C3=BCr?= morgen\n", "")}`,
    ),
    edited,
  );
});

test("SieveFilter looks into decoded bodies", async (t) => {
  const one = await host(t);
  await one.script('require ["body", "fileinto"]; if body :contains "grün" { fileinto "Junk"; }');
  await one.deliver(
    "From: b@remote.test\nMessage-ID: <5@x>\nContent-Type: text/plain; charset=iso-8859-1\n" +
      "Content-Transfer-Encoding: quoted-printable\n\ngr=FCn\n",
  );
  assert.equal((await one.texts("Junk")).length, 1);
});

test("SieveFilter redirects once, also when the sending MTA tries again, and never in a loop", async (t) => {
  const one = await host(t);
  await one.script('redirect "carol@remote.test";');
  assert.equal((await one.deliver(MAIL))?.status, "delivered");
  assert.equal((await one.deliver(MAIL))?.status, "delivered");
  assert.equal(one.outbound.mails.length, 1);
  const [mail] = one.outbound.mails;
  assert.equal(mail?.sender, "bob@remote.test");
  assert.equal(
    mail?.bytes.toString(),
    `X-Sieve-Redirected-From: alice@example.test\r\n${MAIL.replaceAll("\n", "\r\n")}`,
  );
  assert.deepEqual(await one.texts(""), []);
  await one.deliver(`X-Sieve-Redirected-From: alice@example.test\n${MAIL.replace("<1@", "<2@")}`);
  assert.equal(one.outbound.mails.length, 1);
  assert.equal((await one.texts("")).length, 1);
});

test("SieveFilter asks the MTA to try again when a redirect cannot be queued", async (t) => {
  const one = await host(t);
  await one.script('redirect "carol@remote.test";');
  one.outbound.failWith = new Error("disk full");
  assert.equal((await one.deliver(MAIL))?.status, "refused");
  one.outbound.failWith = undefined;
  assert.equal((await one.deliver(MAIL))?.status, "delivered");
});

test("SieveFilter keeps the message of a script that fails and tells the owner once a day", async (t) => {
  const one = await host(t);
  await one.script('require ["variables", "fileinto"]; set "a" "x"; redirect "${a}"; discard;');
  await one.deliver(MAIL);
  await one.deliver(MAIL.replace("<1@", "<2@"));
  const texts = await one.texts("");
  assert.equal(texts.length, 3);
  assert.equal(texts.filter((text) => text.includes("Subject: Your mail filter does not work")).length, 1);
  assert.ok(one.logLines.some((line) => line.includes("script failed")));
});

test("SieveFilter remembers what duplicate tests saw when the message is filed, not before", async (t) => {
  const one = await host(t);
  await one.script('require "duplicate"; if duplicate { discard; }');
  await one.deliver(MAIL);
  assert.equal((await one.texts("")).length, 1);
  assert.equal((await one.deliver(MAIL))?.status, "discarded");
});

test("SieveFilter includes other scripts of the user", async (t) => {
  const one = await host(t);
  await one.script("keep;");
  await one.scripts.put("alice", "lists", Buffer.from('require "fileinto"; fileinto "Junk";'));
  await one.script('require "include"; include "lists";');
  await one.deliver(MAIL);
  assert.equal((await one.texts("Junk")).length, 1);
});

test("vacation answers who wrote to the owner, once per sender", async (t) => {
  const one = await host(t);
  await one.script('require "vacation"; vacation :days 3 :subject "Weg" "Bin im Urlaub, grüße";');
  assert.equal((await one.deliver(MAIL))?.status, "delivered");
  assert.equal((await one.texts("")).length, 1);
  const [mail] = one.outbound.mails;
  assert.equal(mail?.sender, "");
  assert.equal(mail?.recipient, "bob@remote.test");
  assert.equal(mail?.once?.seconds, 3 * 86_400);
  const text = mail?.bytes.toString().replaceAll("\r\n", "\n") ?? "";
  for (const line of [
    "From: <alice@example.test>",
    "To: <bob@remote.test>",
    "Subject: Weg",
    "In-Reply-To: <1@remote.test>",
    "References: <1@remote.test>",
    "Auto-Submitted: auto-replied (vacation)",
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  await one.deliver(MAIL.replace("<1@", "<2@"));
  assert.equal(one.outbound.mails.length, 1);
});

test("vacation is silent to lists, bounces, robots and itself: RFC 3834 §2", async (t) => {
  const one = await host(t);
  await one.script('require ["vacation", "vacation-seconds"]; vacation :seconds 0 "away";');
  const senders = [
    "",
    "owner-list@l.test",
    "list-request@l.test",
    "mailer-daemon@l.test",
    "no-reply@l.test",
    "alice@example.test",
    "x-bounces+alice=example.test@l.test",
  ];
  const fields = [
    "Auto-Submitted: auto-replied",
    "Auto-Submitted: auto-generated (x)",
    "List-Id: <a.b>",
    "List-Unsubscribe: <x>",
    "Precedence: bulk",
    "Precedence: list",
    "X-Auto-Response-Suppress: OOF",
    "Content-Type: multipart/report; boundary=a",
  ];
  let count = 0;
  for (const sender of senders) await one.deliver(MAIL.replace("<1@", `<s${count++}@`), { sender });
  for (const field of fields) await one.deliver(`${field}\n${MAIL.replace("<1@", `<f${count++}@`)}`);
  await one.deliver(MAIL.replace("<1@", "<bcc@").replace("alice@example.test", "undisclosed@remote.test"));
  assert.deepEqual(one.outbound.mails, []);
  await one.deliver(`Auto-Submitted: no\n${MAIL}`);
  assert.equal(one.outbound.mails.length, 1);
});

test("notify by mailto is marked as automatic and not sent about automatic mail: RFC 5436 §2.7", async (t) => {
  const one = await host(t);
  await one.script('require "enotify"; notify :message "Bob wrote" "mailto:pager@remote.test";');
  await one.deliver(`Auto-Submitted: auto-generated\n${MAIL.replace("<1@", "<2@")}`);
  assert.equal(one.outbound.mails.length, 0);
  await one.deliver(MAIL);
  assert.match(
    one.outbound.mails[0]?.bytes.toString() ?? "",
    /Subject: Bob wrote\r\n[^]*Auto-Submitted: auto-notified/,
  );
});

test("SieveFilter puts one copy into a mailbox named twice, with its flags: RFC 5228 §2.10.3", async (t) => {
  const one = await host(t);
  await one.script('require ["fileinto", "copy", "imap4flags"]; fileinto :copy :flags "work" "INBOX";');
  await one.deliver(MAIL);
  assert.equal((await one.texts("")).length, 1);
  assert.deepEqual((await one.flagsOf("")).keywords, ["work"]);
});

test("SieveFilter includes the operator's scripts", async (t) => {
  const one = await host(t);
  one.globalScripts.set("spam", 'require "fileinto"; if exists "X-Spam" { fileinto "Junk"; stop; }');
  await one.script('require "include"; include :global "spam"; include :global :optional "other";');
  await one.deliver(`X-Spam: yes\n${MAIL}`);
  assert.equal((await one.texts("Junk")).length, 1);
  await one.deliver(MAIL.replace("<1@", "<2@"));
  assert.equal((await one.texts("")).length, 1);
});

test("SieveFilter answers nothing of a storm from lists, bounces and programs, and keeps it all", async (t) => {
  const one = await host(t);
  await one.script('require "vacation"; vacation :addresses "alice@example.test" "I am away.";');
  const marks: readonly (readonly [sender: string, field: string])[] = [
    ["list-bounces@remote.test", "List-Id: <a.remote.test>"],
    ["", "Content-Type: multipart/report; report-type=delivery-status; boundary=x"],
    ["carol@remote.test", "Auto-Submitted: auto-replied"],
    ["owner-news@remote.test", "Precedence: bulk"],
    ["mailer-daemon@remote.test", "X-Mailer: x"],
    ["no-reply@remote.test", "X-Mailer: x"],
  ];
  for (let number = 0; number < STORM; number += 1) {
    const [sender, field] = marks[number % marks.length] ?? ["", ""];
    const outcome = await one.deliver(`${field}\n${MAIL.replace("<1@", `<${number}@`)}`, { sender });
    assert.equal(outcome?.status, "delivered");
  }
  assert.equal(one.outbound.mails.length, 0);
  assert.equal(one.store.mailboxes.get("user.alice").exists, STORM);
  // A person is answered, once.
  for (const id of ["a", "b"]) await one.deliver(MAIL.replace("<1@", `<${id}@`));
  assert.equal(one.outbound.mails.length, 1);
});
