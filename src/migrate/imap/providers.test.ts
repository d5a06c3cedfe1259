// The settings of docs/operations.md against sources of the shapes that they are for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FakeMessage, type FakeSource } from "../../../test/support/fake-imap-source.ts";
import { messages, setUp } from "../../../test/support/migration-scene.ts";
import { systemClock } from "../../base/io/clock.ts";
import { SystemFlag } from "../../store/model.ts";
import type { Store } from "../../store/port.ts";
import { oauthTokens } from "./oauth-tokens.ts";

test("providers: Gmail, with tokens that end in the middle of the copy", async (t) => {
  const issued: string[] = [];
  const tokens = oauthTokens((_url, options) => {
    const form = options?.body instanceof URLSearchParams ? options.body.toString() : "";
    assert.match(form, /refresh_token=refresh-me&client_id=me&client_secret=hush/);
    issued.push(`token-${issued.length + 1}`);
    return Promise.resolve(Response.json({ access_token: issued.at(-1), expires_in: 3600 }));
  }, systemClock);
  const { migration, store, stored, fake } = await setUp(
    t,
    {
      capabilities:
        "IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID XLIST CHILDREN X-GM-EXT-1 UIDPLUS ENABLE MOVE CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS LITERAL- SPECIAL-USE SASL-IR AUTH=XOAUTH2 AUTH=PLAIN",
      folders: [
        { name: "INBOX", uidValidity: 1, messages: messages(40) },
        { name: "[Gmail]", uidValidity: 2, attributes: "\\HasChildren \\Noselect", messages: [] },
        {
          name: "[Gmail]/All Mail",
          uidValidity: 11,
          attributes: "\\All",
          messages: [{ ...messages(1, 77)[0]!, labels: '"\\\\Starred"' }],
        },
        { name: "[Gmail]/Sent Mail", uidValidity: 3, attributes: "\\Sent", messages: messages(2, 50) },
        { name: "[Gmail]/Chats", uidValidity: 4, messages: messages(1, 60) },
        { name: "[Gmail]/Starred", uidValidity: 5, attributes: "\\Flagged", messages: messages(1) },
        { name: "[Gmail]/Important", uidValidity: 6, attributes: "\\Important", messages: messages(1) },
        { name: "Work", uidValidity: 7, messages: messages(3) },
      ],
      answer: (command, { number }) => {
        if (!command.startsWith("AUTHENTICATE XOAUTH2 ")) return undefined;
        // The first token is good for the first session alone, whatever was said of its life.
        const isOld = saslOf(command).includes("Bearer token-1\x01");
        return isOld && number > 1 ? "TAG NO [AUTHENTICATIONFAILED] Invalid credentials\r\n" : undefined;
      },
      message: ({ uid }, { number }) =>
        number === 1 && uid === 20 ? "* BYE Session expired, please login again.\r\n" : undefined,
    },
    {
      conf: {
        imapc_sasl_mechanisms: "xoauth2",
        oauth_token_url: "https://oauth2.googleapis.com/token",
        oauth_client_id: "me",
        oauth_client_secret: "hush",
      },
      settings: { renames: ["^\\[Gmail\\]/(.*)=>$1"] },
      ports: { tokens },
    },
  );
  const user = { email: "alice@gmail.com", password: "refresh-me" };
  const result = await migration.ok(migration.job(user));
  assert.deepEqual(issued, ["token-1", "token-2"]);
  assert.equal(saslOf(loginsAt(fake)[0] ?? ""), "user=alice\x01auth=Bearer token-1\x01\x01");
  assert.deepEqual(names(store), ["Archive", "Chats", "INBOX", "Sent Mail", "Work"]);
  assert.deepEqual(store.mailboxes.get("user.alice.Sent Mail").specialUse, ["sent"]);
  assert.equal((await stored("user.alice")).size, 40);
  assert.equal(result.syncMessageCount, 40 + 1 + 2 + 1 + 3);
});

test("providers: Gmail's daily bound ends the run after its pauses, the next one goes on", async (t) => {
  const said = "* BYE [OVERQUOTA] Account exceeded command or bandwidth limits.\r\n";
  const { migration, stored, options } = await setUp(t, {
    capabilities:
      "IMAP4rev1 NAMESPACE X-GM-EXT-1 CONDSTORE ESEARCH LIST-EXTENDED LIST-STATUS SASL-IR AUTH=PLAIN",
    folders: [{ name: "INBOX", uidValidity: 1, messages: messages(30) }],
    message: ({ uid }) => (uid === 20 ? said : undefined),
    answer: (command) => (command.startsWith("UID FETCH 20 ") ? said : undefined),
  });
  const asked: string[] = [];
  const pace = {
    take: () => Promise.resolve(),
    answered() {},
    backOff: (reason: string) => void asked.push(reason),
  };
  const result = await migration.run(migration.job({}), { pace });
  assert.equal(result.status, "FAILED");
  assert.match(result.error ?? "", /OVERQUOTA/);
  assert.match(asked[0] ?? "", /OVERQUOTA/);
  options.message = () => undefined;
  options.answer = () => undefined;
  await migration.ok(migration.job({}));
  assert.equal((await stored("user.alice")).size, 30);
});

test("providers: Courier, without CONDSTORE, everything below INBOX.", async (t) => {
  const { migration, store, stored, options } = await setUp(t, {
    capabilities:
      "IMAP4rev1 UIDPLUS CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE ACL ACL2=UNION AUTH=PLAIN",
    namespace: '(("INBOX." ".")) NIL (("#shared." ".")("shared." "."))',
    separator: ".",
    folders: [
      { name: "INBOX", uidValidity: 1, highestModseq: 0, messages: messages(5) },
      { name: "INBOX.Sent", uidValidity: 2, highestModseq: 0, messages: messages(2) },
      { name: "INBOX.Entw&APw-rfe", uidValidity: 3, highestModseq: 0, messages: messages(1) },
      { name: "INBOX.a.b", uidValidity: 4, highestModseq: 0, messages: messages(1) },
      { name: "shared.team", uidValidity: 5, highestModseq: 0, messages: messages(9) },
    ],
  });
  await migration.ok(migration.job({}));
  assert.deepEqual(names(store), ["Entw&APw-rfe", "INBOX", "Sent", "a", "a.b"]);
  const [folder] = options.folders;
  folder!.messages[1]!.flags = "\\Seen \\Flagged";
  folder!.messages.splice(3, 1);
  await migration.ok(migration.job({}));
  const result = await migration.ok(migration.job({}, { phase: "CUTOVER" }));
  assert.equal(result.expungedMessageCount, 0, "the pre-sync has seen it: the count has changed");
  assert.deepEqual([...(await stored("user.alice")).keys()], [1, 2, 3, 5]);
  const record = store.findRecord(store.mailboxes.get("user.alice").id, 2 as never);
  assert.equal(record?.systemFlags, SystemFlag.seen | SystemFlag.flagged);
});

test("providers: Exchange, a service user who names the mailbox, sizes that are not true", async (t) => {
  const { migration, store, stored, fake } = await setUp(
    t,
    {
      capabilities:
        "IMAP4 IMAP4rev1 AUTH=PLAIN SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+",
      folders: [
        { name: "INBOX", uidValidity: 14, highestModseq: 0, messages: messages(6) },
        { name: "Calendar", uidValidity: 15, highestModseq: 0, messages: messages(2) },
        { name: "Contacts", uidValidity: 16, highestModseq: 0, messages: messages(2) },
        { name: "Sync Issues/Conflicts", uidValidity: 17, highestModseq: 0, messages: messages(2) },
        { name: "Sent Items", uidValidity: 18, highestModseq: 0, messages: messages(2) },
      ],
      message: (message) => otherOrder(message),
    },
    {
      settings: {
        verify: "sizes",
        excludes: [
          "Calendar",
          "Contacts",
          "Tasks",
          "Journal",
          "Notes",
          "Outbox",
          "Sync Issues",
          "Conversation History",
        ],
      },
    },
  );
  const user = { password: "of-mover", imapcOptions: ["imapc_user=DOMAIN/mover/anna"] };
  await migration.ok(migration.job(user, { phase: "CUTOVER" }));
  assert.equal(saslOf(loginsAt(fake)[0] ?? ""), "\0DOMAIN/mover/anna\0of-mover");
  assert.deepEqual(names(store), ["INBOX", "Sent Items"]);
  assert.equal((await stored("user.alice")).get(6), "Subject: 6\r\n\r\nbody of 6\r\n");
  assert.equal(await migration.ledger.whyNotCutOver({ source: "old", sourceUid: "alice" }), undefined);
});

test("providers: Cyrus, an administrator who acts for the user, with the traditional namespace", async (t) => {
  const { migration, store, fake } = await setUp(
    t,
    {
      namespace: '(("INBOX." ".")) (("user." ".")) (("" "."))',
      separator: ".",
      folders: [
        { name: "INBOX", uidValidity: 1, messages: messages(2) },
        { name: "INBOX.Sent", uidValidity: 2, messages: messages(2) },
        { name: "user.bob", uidValidity: 3, messages: messages(2) },
        { name: "bulletin", uidValidity: 4, messages: messages(2) },
      ],
    },
    { conf: { imapc_master_user: "cyrus", imapc_master_password: "of-cyrus" } },
  );
  await migration.ok(migration.job({ password: undefined }));
  assert.equal(saslOf(loginsAt(fake)[0] ?? ""), "alice\0cyrus\0of-cyrus");
  assert.deepEqual(names(store), ["INBOX", "Sent"]);
});

test("providers: Dovecot, a master user behind a star, virtual folders", async (t) => {
  const { migration, store, fake } = await setUp(
    t,
    {
      folders: [
        { name: "INBOX", uidValidity: 1, messages: messages(2) },
        { name: "virtual/All", uidValidity: 2, attributes: "\\All", messages: messages(2) },
        { name: "virtual/Flagged", uidValidity: 3, attributes: "\\Flagged", messages: messages(1) },
      ],
    },
    {
      conf: { imapc_master_user: "mover", imapc_master_password: "of-mover" },
      settings: { masterForm: "*" },
    },
  );
  await migration.ok(migration.job({ password: undefined }));
  assert.equal(saslOf(loginsAt(fake)[0] ?? ""), "\0alice*mover\0of-mover");
  assert.deepEqual(names(store), ["INBOX"]);
});

function loginsAt({ commands }: FakeSource): string[] {
  return commands.filter((command) => command.startsWith("AUTHENTICATE"));
}

function saslOf(command: string): string {
  return Buffer.from(command.split(" ")[2] ?? "", "base64").toString();
}

/** Below INBOX. */
function names(store: Store): string[] {
  return [...store.mailboxes.ofUser("alice")]
    .map(({ name }) => (name === "user.alice" ? "INBOX" : name.slice("user.alice.".length)))
    .sort();
}

/** As Exchange answers: the body first, and a size of its own making. */
function otherOrder({ uid, flags, body }: FakeMessage): Buffer {
  return Buffer.concat([
    Buffer.from(`* ${uid} FETCH (BODY[] {${body.length}}\r\n`),
    body,
    Buffer.from(
      ` UID ${uid} RFC822.SIZE ${body.length + 321} INTERNALDATE "01-Feb-2024 10:00:00 +0100" FLAGS (${flags}))\r\n`,
    ),
  ]);
}
