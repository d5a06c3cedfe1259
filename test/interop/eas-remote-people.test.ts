// Whom a phone of the gateway finds and how he writes: a node that is only a gateway, a real slapd and a real Dovecot.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { ImapFlow } from "imapflow";
import { Attribute, Change } from "ldapts";
import { SMTPServer } from "smtp-server";
import { EasClient } from "../../src/eas/client.ts";
import { answered, folderSync, sendMail } from "../../src/eas/client-commands.ts";
import type { Element } from "../../src/eas/element.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { type Tree, writeTree } from "../support/eas-mail.ts";
import { startDovecot } from "../support/peers/dovecot.ts";
import { peerOrSkip } from "../support/peers/peer-or-skip.ts";
import { startServe } from "../support/running-node.ts";
import { type LdapRecord, ROOT_DN, ROOT_PASSWORD, Slapd, slapdMissing, SUFFIX } from "../support/slapd.ts";

const USER = "alice@example.test";
/** Just enough of JFIF for slapd to take it. */
const PHOTO = Buffer.concat([
  Buffer.from("ffd8ffe000104a46494600010100000100010000", "hex"),
  Buffer.alloc(2_000, 7),
  Buffer.from("ffd9", "hex"),
]);

const person = (uid: string, displayName: string): LdapRecord => ({
  dn: `uid=${uid},${SUFFIX}`,
  attributes: {
    objectClass: "inetOrgPerson",
    uid,
    cn: displayName,
    displayName,
    sn: uid,
    mail: `${uid}@example.test`,
  },
});

interface Scene {
  readonly phone: EasClient;
  readonly other: ImapFlow;
  readonly sent: string[];
}

test("people, names and folders of a phone at a gateway with LDAP", { timeout: 120_000 }, async (context) => {
  if (!(await peerOrSkip(context, "dovecot"))) return;
  const missing = slapdMissing();
  if (missing !== undefined) {
    context.skip(missing);
    return;
  }
  const scene = await open(context);
  await context.test("Search GAL: a photo that exists, one that is too big, one too many, none", () =>
    searchesPeople(scene),
  );
  await context.test("ResolveRecipients: the photo of the one that is meant", () => resolves(scene));
  await context.test("OP-157: the name of the directory stands on sent mail", () => namesSender(scene));
  await context.test("OP-193: folders that a phone makes are folders of IMAP", () => makesFolders(scene));
});

async function searchesPeople({ phone }: Scene): Promise<void> {
  const search = async (query: string, ...picture: Tree[]): Promise<readonly (readonly string[])[]> => {
    const root = await ask(phone, [
      "Search:Search",
      [
        "Search:Store",
        ["Search:Name", "GAL"],
        ["Search:Query", query],
        ["Search:Options", ["Search:Range", "0-9"], ["Search:Picture", ...picture]],
      ],
    ]);
    const store = root.child(tagOf("Search:Response"))?.child(tagOf("Search:Store"));
    assert.equal(store?.textOf(tagOf("Search:Status")), "1");
    return store
      .all(tagOf("Search:Result"))
      .flatMap((result) => result.child(tagOf("Search:Properties")) ?? [])
      .map((found) => {
        const photo = found.child(tagOf("GAL:Picture"));
        const texts = [
          found.textOf(tagOf("GAL:DisplayName")),
          photo?.textOf(tagOf("GAL:Status")),
          photo?.textOf(tagOf("GAL:Data")),
        ];
        return texts.filter((text) => text !== undefined);
      })
      .toSorted(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  };
  const data = PHOTO.toString("base64");
  assert.deepEqual(await search("bo"), [
    ["Bob Dodgson", "1", data],
    ["Bonnie Carroll", "173"],
  ]);
  assert.deepEqual(await search("bob", ["Search:MaxSize", 1_000]), [["Bob Dodgson", "174"]]);
  assert.deepEqual(await search("bob", ["Search:MaxPictures", 0]), [["Bob Dodgson", "175"]]);
}

async function resolves({ phone }: Scene): Promise<void> {
  const root = await ask(phone, [
    "ResolveRecipients:ResolveRecipients",
    ["ResolveRecipients:To", "bob@example.test"],
    ["ResolveRecipients:Options", ["ResolveRecipients:Picture"]],
  ]);
  const response = root.child(tagOf("ResolveRecipients:Response"));
  const recipient = response?.child(tagOf("ResolveRecipients:Recipient"));
  assert.equal(recipient?.textOf(tagOf("ResolveRecipients:DisplayName")), "Bob Dodgson");
  const photo = recipient.child(tagOf("ResolveRecipients:Picture"));
  assert.equal(photo?.textOf(tagOf("ResolveRecipients:Status")), "1");
  assert.equal(photo.textOf(tagOf("ResolveRecipients:Data")), PHOTO.toString("base64"));
}

async function namesSender({ phone, other, sent }: Scene): Promise<void> {
  await other.mailboxCreate("Sent");
  const bytes = Buffer.from(`From: ${USER}\r\nTo: bob@example.test\r\nSubject: named\r\n\r\nHello\r\n`);
  assert.equal(await sendMail(phone, bytes, { clientId: "named", saveInSent: true }), undefined);
  assert.equal(sent.length, 1);
  assert.match(sent[0] ?? "", /^From: "Alice Liddell" <alice@example\.test>\r\n/);
  await other.mailboxOpen("Sent");
  const kept = await other.fetchOne("1", { envelope: true });
  assert.ok(kept !== undefined && kept !== false);
  assert.deepEqual(kept.envelope?.from, [{ name: "Alice Liddell", address: USER }]);
}

async function makesFolders({ phone, other }: Scene): Promise<void> {
  let { syncKey } = await folderSync(phone);
  const create = async (parentId: string, name: string): Promise<string> => {
    const root = await ask(phone, [
      "FolderHierarchy:FolderCreate",
      ["FolderHierarchy:SyncKey", syncKey],
      ["FolderHierarchy:ParentId", parentId],
      ["FolderHierarchy:DisplayName", name],
      ["FolderHierarchy:Type", 12],
    ]);
    assert.equal(root.textOf(tagOf("FolderHierarchy:Status")), "1");
    syncKey = root.textOf(tagOf("FolderHierarchy:SyncKey")) ?? "";
    return root.textOf(tagOf("FolderHierarchy:ServerId")) ?? "";
  };
  await create(await create("0", "Projekte"), "Grüße & mehr");
  const paths = (await other.list()).filter(({ subscribed }) => subscribed).map(({ path }) => path);
  assert.ok(paths.includes("Projekte"));
  assert.ok(paths.includes("Projekte/Grüße & mehr"));
}

async function ask(phone: EasClient, tree: Tree): Promise<Element> {
  const [name] = tree;
  return await answered(phone, name.slice(name.indexOf(":") + 1), (writer) => writeTree(writer, tree));
}

async function open(context: TestContext): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-people-"));
  const ends: (() => unknown)[] = [() => rmSync(folder, { recursive: true, force: true })];
  context.after(async () => {
    for (const end of ends.toReversed()) await end();
  });
  const dovecot = await startDovecot({ folder, users: { [USER]: "secret" } });
  ends.push(() => dovecot.stop());
  const slapd = await Slapd.start(join(folder, "ldap"), [
    { dn: SUFFIX, attributes: { objectClass: ["dcObject", "organization"], dc: "example", o: "example" } },
    person("alice", "Alice Liddell"),
    person("bob", "Bob Dodgson"),
    person("bonnie", "Bonnie Carroll"),
  ]);
  ends.push(() => slapd.stop());
  await slapd.change(async (client) => {
    const modification = new Attribute({ type: "jpegPhoto", values: [PHOTO] });
    await client.modify(`uid=bob,${SUFFIX}`, new Change({ operation: "add", modification }));
  });
  const sent: string[] = [];
  const smtp = new SMTPServer({
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    onAuth: (auth, _session, done) => done(null, { user: auth.username }),
    onData(stream, _session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        sent.push(Buffer.concat(chunks).toString());
        done();
      });
    },
  });
  await new Promise<void>((resolve) => smtp.listen(0, "127.0.0.1", resolve));
  ends.push(() => new Promise<void>((resolve) => smtp.close(resolve)));
  const imapPort = dovecot.ports["imap"] ?? 0;
  const node = await startServe(join(folder, "data"), [
    "listen.http=127.0.0.1:0",
    "node.roles=eas",
    "gateway.accounts=remote",
    "directory.allowplaintext=yes",
    `gateway.imap=127.0.0.1:${imapPort}`,
    "gateway.imap_tls=off",
    `gateway.smtp=127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
    "gateway.smtp_tls=off",
    "gateway.default_domain=example.test",
    `people.url=ldap://127.0.0.1:${slapd.port}`,
    "people.start_tls=no",
    `people.base=${SUFFIX}`,
    `people.bind_dn=${ROOT_DN}`,
    `people.bind_password=${ROOT_PASSWORD}`,
  ]);
  ends.push(() => node.stop());
  const other = new ImapFlow({
    host: "127.0.0.1",
    port: imapPort,
    secure: false,
    auth: { user: USER, pass: "secret" },
    logger: false,
    disableAutoIdle: true,
  });
  await other.connect();
  ends.push(() => other.close());
  const { host, port } = node.endpoint("http");
  const phone = new EasClient({
    url: `http://${host}:${port}`,
    user: USER,
    password: "secret",
    deviceId: "PHONE1",
  });
  ends.push(() => phone.close());
  return { phone, other, sent };
}
