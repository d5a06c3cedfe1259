// The account port over other people's servers: real Dovecot and real Cyrus, with a second client that changes things.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ImapFlow } from "imapflow";
import { SMTPServer } from "smtp-server";
import type { Uid } from "../../src/base/numbers.ts";
import { type Account, AccountError, type MailItem } from "../../src/eas/account/port.ts";
import type { RemoteAccounts } from "../../src/eas/account/remote/remote-accounts.ts";
import { SystemFlag } from "../../src/store/model.ts";
import { remoteAccounts } from "../support/eas-remote.ts";
import { startCyrus } from "../support/peers/cyrus.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";

const USER = "alice";
const PASSWORD = "secret";

interface Server {
  readonly port: number;
  /** Something that deletes, delivers and renames while the gateway looks. */
  readonly other: ImapFlow;
  readonly accounts: RemoteAccounts;
  readonly account: Account;
  /** What came to the SMTP server: recipient and text. */
  readonly sent: { readonly to: string; readonly text: string }[];
}

type Start = (folder: string) => Promise<{ readonly port: number; stop(): Promise<void> }>;

const SERVERS: readonly (readonly [string, "dovecot" | "cyrus", Start])[] = [
  [
    "Dovecot",
    "dovecot",
    async (folder) => {
      const peer = await startDovecot({ folder, users: { [USER]: PASSWORD } });
      return { port: peer.ports["imap"] ?? 0, stop: () => peer.stop() };
    },
  ],
  [
    "Cyrus",
    "cyrus",
    async (folder) => {
      const peer = await startCyrus({ folder, users: { [USER]: PASSWORD, cyrus: "admin" } });
      await peer.create(`user/${USER}`);
      return { port: peer.ports["imap"] ?? 0, stop: () => peer.stop() };
    },
  ],
];

for (const [name, peer, start] of SERVERS) {
  test(`an account on ${name}`, { timeout: 180_000 }, async (t) => {
    if (!(await peerOrSkip(t, peer))) return;
    const server = await open(t, start);
    await t.test("a wrong password is the only thing that is refused as one", () => refusesPasswords(server));
    await t.test("folders have stable keys, uses and parents", () => foldersKeepKeys(server));
    await t.test("changes, deletions and new mail are found from a position", () => findsChanges(server));
    await t.test("a date bound is exact", () => boundsByDate(server));
    await t.test("messages come whole, in the order asked for", () => readsItems(server));
    await t.test("own flag changes tell their modseq, moves the new UID", () => changesMail(server));
    await t.test("a waiting phone is woken by deliveries, flags and new folders", () => wakes(server));
    await t.test("mail is found by its text, also beside ASCII", () => searches(server));
    await t.test("sending goes out by SMTP without Bcc and is kept in Sent", () => sends(server));
  });
}

async function refusesPasswords({ accounts }: Server): Promise<void> {
  await assert.rejects(
    accounts.open(USER, "wrong", "192.0.2.1", true),
    (error) => error instanceof AccountError && error.code === "credentials_invalid",
  );
  // Nor the right one in the clear.
  await assert.rejects(
    accounts.open(USER, PASSWORD, "192.0.2.1", false),
    (error) => error instanceof AccountError && error.code === "permission_denied",
  );
  const one = await accounts.open(`DOMAIN\\${USER}`, PASSWORD, "192.0.2.1", true);
  const same = await accounts.open(USER.toUpperCase(), PASSWORD, "192.0.2.1", true);
  assert.equal(same.userId, one.userId);
}

async function foldersKeepKeys({ account, other }: Server): Promise<void> {
  const made = await account.createFolder(undefined, "Grüße & Küsse");
  assert.equal(made.name, "Grüße & Küsse");
  const below = await account.createFolder(made.key, "Unten");
  assert.equal(below.parentKey, made.key);
  await assert.rejects(
    account.createFolder(undefined, "Grüße & Küsse"),
    (error) => error instanceof AccountError && error.code === "folder_exists",
  );
  await account.renameFolder(made.key, undefined, "Umbenannt");
  const after = await account.folders();
  const renamed = after.find(({ name }) => name === "Umbenannt");
  assert.equal(renamed?.key, made.key);
  assert.equal(after.find(({ name }) => name === "Unten")?.parentKey, made.key);
  assert.equal(after.find(({ use }) => use === "inbox")?.name, "Inbox");
  await account.deleteFolder(made.key);
  assert.ok(!(await account.folders()).some(({ name }) => name === "Umbenannt" || name === "Unten"));
  await assert.rejects(
    account.deleteFolder("inbox"),
    (error) => error instanceof AccountError && error.code === "special_folder",
  );
  await other.noop();
}

async function findsChanges({ account, other }: Server): Promise<void> {
  for (let i = 1; i <= 5; i += 1) await deliver(other, `change ${i}`);
  const first = await account.openMail("inbox");
  const known = await first.uids(0);
  assert.equal(known.length, 5);
  assert.ok(first.highestModseq > 0);
  const [a, b, c] = [...known] as Uid[];
  await other.mailboxOpen("INBOX");
  await other.messageFlagsAdd(String(a), ["\\Seen", "\\Flagged"], { uid: true });
  await other.messageDelete(String(b), { uid: true });
  await deliver(other, "change 6");
  const second = await account.openMail("inbox");
  assert.ok(second.highestModseq > first.highestModseq);
  assert.equal(second.epoch, first.epoch);
  const position = { modseq: first.highestModseq, uid: 0xffff_ffff as Uid };
  const changed = await second.changedAfter(position, 100);
  assert.deepEqual(
    changed.map(({ uid }) => uid).toSorted((x, y) => x - y),
    [a, (known.at(-1)! + 1) as Uid],
  );
  const flagged = changed.find(({ uid }) => uid === a);
  assert.equal(flagged?.systemFlags, SystemFlag.seen | SystemFlag.flagged);
  const vanished = await second.vanishedSince(first.highestModseq);
  assert.ok(vanished === "unknown" || [...vanished].includes(b!));
  assert.ok(!(await second.uids(0)).includes(b!));
  assert.deepEqual(
    (await second.states([c!, b!])).map(({ uid }) => uid),
    [c],
  );
  const limited = await second.changedAfter({ modseq: first.highestModseq, uid: 0 as Uid }, 1);
  assert.equal(limited.length, 1);
}

async function boundsByDate({ account, other }: Server): Promise<void> {
  const folder = await account.createFolder(undefined, "Dates");
  const at = Date.UTC(2026, 1, 3, 12, 0, 0);
  for (const seconds of [-1, 0, 1]) {
    await other.append("Dates", message(`at ${seconds}`), [], new Date(at + seconds * 1000));
  }
  const collection = await account.openMail(folder.key);
  assert.equal((await collection.uids(at / 1000)).length, 2);
  assert.equal((await collection.uids(at / 1000 + 86_400)).length, 0);
  await account.emptyFolder(folder.key, { withChildren: true });
  assert.equal((await (await account.openMail(folder.key)).uids(0)).length, 0);
}

async function readsItems({ account, other }: Server): Promise<void> {
  const folder = await account.createFolder(undefined, "Items");
  const big = message("big", `${"x".repeat(76)}\r\n`.repeat(40_000));
  const texts = [message("one"), big, message("three")];
  for (const text of texts) await other.append("Items", text);
  const collection = await account.openMail(folder.key);
  const uids = [...(await collection.uids(0))] as Uid[];
  const order = [uids[2]!, uids[0]!, 4_000_000 as Uid, uids[1]!];
  const items: MailItem[] = [];
  for await (const item of collection.items(order)) {
    assert.equal(item.failure, undefined);
    if (item.failure === undefined) items.push(item);
  }
  assert.deepEqual(
    items.map(({ uid }) => uid),
    [uids[2], uids[0], uids[1]],
  );
  const bytes = await items[2]!.read(0, Number.MAX_SAFE_INTEGER);
  assert.equal(bytes.toString(), big);
  assert.equal(items[2]!.summary.root.bodyStart, big.indexOf("\r\n\r\n") + 4);
  assert.equal((await items[1]!.read(0, 5)).toString(), texts[0]!.slice(0, 5));
  await account.deleteFolder(folder.key);
}

async function changesMail({ account, other }: Server): Promise<void> {
  const target = await account.createFolder(undefined, "Target");
  const collection = await account.openMail("inbox");
  const [uid, second] = [...(await collection.uids(0))] as Uid[];
  await collection.states([uid!]);
  const change = {
    add: { systemFlags: SystemFlag.answered, keywords: ["$Forwarded"] },
    remove: { systemFlags: 0, keywords: [] },
  };
  const modseqs = await collection.storeFlags([uid!, 4_000_000 as Uid], change);
  assert.deepEqual([...modseqs.keys()], [uid]);
  const after = await account.openMail("inbox");
  const [state] = await after.states([uid!]);
  assert.equal(modseqs.get(uid!), state?.modseq);
  assert.ok((state?.systemFlags ?? 0) & SystemFlag.answered);
  assert.ok(state?.keywords.some((keyword) => keyword.toLowerCase() === "$forwarded"));
  // Somebody else in between: what he did must be sent to the device.
  await other.mailboxOpen("INBOX");
  await other.messageFlagsRemove(String(uid), ["\\Flagged"], { uid: true });
  const late = await after.storeFlags([uid!], change);
  assert.equal(late.get(uid!), 0);
  const moved = await after.move([uid!], target.key);
  const inTarget = await account.openMail(target.key);
  assert.deepEqual([...(await inTarget.uids(0))], [moved.get(uid!)]);
  const appended = await inTarget.append(Buffer.from(message("draft")), {
    systemFlags: SystemFlag.draft,
    keywords: [],
  });
  assert.ok((await (await account.openMail(target.key)).uids(0)).includes(appended.uid));
  await inTarget.expunge([appended.uid]);
  assert.ok(!(await (await account.openMail(target.key)).uids(0)).includes(appended.uid));
  await assert.rejects(
    after.move([second!], "m:nowhere"),
    (error) => error instanceof AccountError && error.code === "folder_missing",
  );
}

async function wakes({ account, other }: Server): Promise<void> {
  const folder = (await account.folders()).find(({ name }) => name === "Target");
  const woken = new Wakes();
  const stop = await account.watch(["inbox", folder!.key], (key) => woken.add(key));
  await deliver(other, "wake up");
  await woken.until("inbox");
  await other.append("Target", message("in another folder"));
  await woken.until(folder!.key);
  await other.mailboxOpen("INBOX");
  await other.mailboxCreate("Made by another client");
  await woken.until(undefined);
  stop();
}

/** Keys a listener heard. */
class Wakes {
  readonly #heard = new Set<string | undefined>();
  #listener: () => void = () => undefined;

  add(key: string | undefined): void {
    this.#heard.add(key);
    this.#listener();
  }

  async until(key: string | undefined): Promise<void> {
    while (!this.#heard.has(key)) await new Promise<void>((resolve) => (this.#listener = resolve));
  }
}

async function searches({ account, other }: Server): Promise<void> {
  await deliver(other, "needle", "Wer sucht, der findet: Schlüsselwort\r\n");
  const query = { folderKey: undefined, withChildren: false, freeText: "", offset: 0, limit: 10 };
  const bySubject = await account.searchMail({ ...query, subject: "needle" });
  assert.equal(bySubject.total, 1);
  const byText = await account.searchMail({ ...query, freeText: "Schlüsselwort findet" });
  assert.deepEqual(byText.hits, bySubject.hits);
  const paged = await account.searchMail({
    ...query,
    folderKey: "inbox",
    freeText: "body",
    offset: 1,
    limit: 1,
  });
  assert.equal(paged.hits.length, 1);
  assert.ok(paged.total > 1);
}

async function sends({ account, sent }: Server): Promise<void> {
  await account.createFolder(undefined, "Sent").catch(() => undefined);
  const bytes = Buffer.from(
    "From: alice@example.test\r\nTo: Bob <bob@there.test>\r\nBcc: secret@there.test\r\nSubject: out\r\n\r\nHello\r\n",
  );
  await account.send({ bytes, saveInSent: true });
  assert.deepEqual(sent.map(({ to }) => to).toSorted(), ["bob@there.test", "secret@there.test"]);
  assert.ok(sent.every(({ text }) => !/bcc/i.test(text)));
  const folder = (await account.folders()).find(({ use }) => use === "sent");
  const collection = await account.openMail(folder!.key);
  const [state] = await collection.states([...(await collection.uids(0))] as Uid[]);
  assert.equal(state?.systemFlags, SystemFlag.seen);
}

async function open(t: TestContext, start: Start): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-remote-"));
  const peer = await start(folder);
  const sent: { to: string; text: string }[] = [];
  const smtp = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    onAuth: (auth, _session, done) =>
      auth.password === PASSWORD ? done(null, { user: auth.username }) : done(new Error("wrong password")),
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        for (const { address } of session.envelope.rcptTo) {
          sent.push({ to: address, text: Buffer.concat(chunks).toString() });
        }
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
  const smtpPort = (smtp.server.address() as AddressInfo).port;
  const accounts = remoteAccounts(peer.port, {
    smtp: `127.0.0.1:${smtpPort}`,
    poll_interval: "500ms",
  });
  const other = new ImapFlow({
    host: "127.0.0.1",
    port: peer.port,
    secure: false,
    auth: { user: USER, pass: PASSWORD },
    logger: false,
    disableAutoIdle: true,
  });
  await other.connect();
  t.after(async () => {
    other.close();
    accounts.close();
    await new Promise<void>((resolve) => smtp.close(resolve));
    await peer.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    port: peer.port,
    other,
    accounts,
    account: await accounts.open(USER, PASSWORD, "192.0.2.1", true),
    sent,
  };
}

function message(subject: string, body = "The body.\r\n"): string {
  return `From: bob@there.test\r\nTo: alice@example.test\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${body}`;
}

async function deliver(other: ImapFlow, subject: string, body?: string): Promise<void> {
  await other.append("INBOX", message(subject, body));
}
