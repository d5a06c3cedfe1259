/** A phone with mail of a real node: what one user sends the other sees, in every version. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { EasClient } from "../../src/eas/client.ts";
import {
  answered,
  type ClientFolder,
  folderSync,
  ping,
  sendMail,
  sendRfc822,
  sync,
  syncedCollection,
} from "../../src/eas/client-commands.ts";
import type { Element } from "../../src/eas/element.ts";
import { PROTOCOL_VERSIONS, type ProtocolVersion } from "../../src/eas/version.ts";
import { tagOf as t } from "../../src/wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../src/wire/wbxml/writer.ts";
import { type RunningNode, startUp } from "../support/running-node.ts";

const dataFolder = mkdtempSync(join(tmpdir(), "rookery-eas-mail-"));
let node: RunningNode;
before(async () => {
  node = await startUp(dataFolder);
});
after(async () => {
  await node.stop();
  rmSync(dataFolder, { recursive: true, force: true });
});

interface Phone {
  readonly client: EasClient;
  readonly folders: readonly ClientFolder[];
  /** Messages that are new since the last time, in a folder of that type. */
  readonly newMail: (type: number) => Promise<readonly Element[]>;
  readonly idOf: (type: number) => string;
}

const INBOX = 2;
const DRAFTS = 3;
const SENT = 5;

async function phoneOf(user: string, version: ProtocolVersion, deviceId: string): Promise<Phone> {
  const { host, port } = node.endpoint("https");
  const account = node.answer.accounts.find((one) => one.user.startsWith(user));
  const client = new EasClient({
    url: `https://${host}:${port}`,
    user: account?.user ?? user,
    password: account?.password ?? "",
    version,
    verifyCertificate: false,
    deviceId,
  });
  after(() => client.close());
  const { adds: folders } = await folderSync(client);
  const keys = new Map<string, string>();
  const idOf = (type: number): string => folders.find((folder) => folder.type === type)?.serverId ?? "";
  const phone: Phone = {
    client,
    folders,
    idOf,
    async newMail(type) {
      const collectionId = idOf(type);
      const found: Element[] = [];
      for (let round = 0; round < 20; round++) {
        const isFirst = !keys.has(collectionId);
        const answer = syncedCollection(
          await sync(client, [
            {
              syncKey: keys.get(collectionId) ?? "0",
              collectionId,
              ...(isFirst ? {} : { bodyPreferences: [{ type: 1, truncationSize: 500 }] }),
            },
          ]),
          collectionId,
        );
        if (answer === undefined) break;
        assert.equal(answer.status, 1);
        keys.set(collectionId, answer.syncKey);
        found.push(...answer.commands.filter(({ tag }) => tag === t("AirSync:Add")));
        if (!isFirst && !answer.moreAvailable) break;
      }
      return found;
    },
  };
  return phone;
}

const data = (add: Element | undefined, name: string): string | undefined =>
  add?.child(t("AirSync:ApplicationData"))?.textOf(t(name));

for (const version of PROTOCOL_VERSIONS.filter((one) => one !== 120)) {
  test(`mail goes from phone to phone, is answered and forwarded in ${version}`, async () => {
    const alice = await phoneOf("alice", version, `alice${version}`);
    const bob = await phoneOf("bob", version, `bob${version}`);
    await alice.newMail(SENT);
    await bob.newMail(INBOX);
    const subject = `hello ${version}`;
    const addresses = await ownAddresses(alice.client, bob.client);
    const message = Buffer.from(
      `From: ${addresses.first}\r\nTo: ${addresses.second}\r\nSubject: ${subject}\r\n\r\nhow are you?\r\n`,
    );
    assert.equal(await sendMail(alice.client, message, { clientId: `c${version}` }), undefined);
    const [copy] = await waitFor(alice, SENT);
    assert.equal(data(copy, "Email:Subject"), subject);
    assert.equal(data(copy, "Email:Read"), "1");
    const [arrived] = await waitFor(bob, INBOX);
    assert.equal(data(arrived, "Email:Subject"), subject);
    assert.match(data(arrived, "Email:From") ?? "", /"Alice[^"]*" <alice@/);

    const itemId = arrived?.textOf(t("AirSync:ServerId")) ?? "";
    const reply = Buffer.from(
      `From: ${addresses.second}\r\nTo: ${addresses.first}\r\nSubject: Re: ${subject}\r\n\r\nfine, thanks\r\n`,
    );
    await alice.newMail(INBOX);
    await answerTo(bob, "SmartReply", reply, itemId, `r${version}`);
    const [answer] = await waitFor(alice, INBOX);
    const body = answer?.child(t("AirSync:ApplicationData"))?.child(t("AirSyncBase:Body"));
    assert.match(
      body?.textOf(t("AirSyncBase:Data")) ?? "",
      /^fine, thanks[\s\S]*Original Message[\s\S]*how are you\?/,
    );
  });
}

async function answerTo(
  { client, idOf }: Phone,
  command: "SmartReply" | "SmartForward",
  mime: Buffer,
  itemId: string,
  clientId: string,
): Promise<void> {
  if (client.version < 140) {
    await sendRfc822(client, command, mime, { CollectionId: idOf(INBOX), ItemId: itemId });
    return;
  }
  const refused = await client.command(command, (writer) => {
    writer.start(t(`ComposeMail:${command}`)).text(t("ComposeMail:ClientId"), clientId);
    writer.start(t("ComposeMail:Source")).text(t("ComposeMail:FolderId"), idOf(INBOX));
    writer.text(t("ComposeMail:ItemId"), itemId).end();
    writer.start(t("ComposeMail:Mime")).opaque(mime).end().end();
  });
  assert.equal(refused, undefined);
}

async function ownAddresses(first: EasClient, second: EasClient): Promise<{ first: string; second: string }> {
  const address = async (client: EasClient): Promise<string> => {
    const root = await answered(client, "Settings", (writer) => {
      writer.start(t("Settings:Settings")).start(t("Settings:UserInformation"));
      writer.empty(t("Settings:Get")).end().end();
    });
    const get = root.child(t("Settings:UserInformation"))?.child(t("Settings:Get"));
    const holder = get?.child(t("Settings:Accounts"))?.child(t("Settings:Account")) ?? get;
    return holder?.child(t("Settings:EmailAddresses"))?.textOf(t("Settings:SmtpAddress")) ?? "";
  };
  return { first: await address(first), second: await address(second) };
}

/** Delivery goes through the queue: the phone waits for it as phones do. */
async function waitFor(phone: Phone, type: number): Promise<readonly Element[]> {
  for (let round = 0; round < 5; round++) {
    const found = await phone.newMail(type);
    if (found.length > 0) return found;
    await ping(phone.client, 60, [phone.idOf(type)]);
  }
  throw new Error("no mail came");
}

test("a draft of 16.1 is added, changed and sent", async () => {
  const alice = await phoneOf("alice", 161, "drafts");
  const bob = await phoneOf("bob", 161, "draftsread");
  await bob.newMail(INBOX);
  const { second } = await ownAddresses(alice.client, bob.client);
  const collectionId = alice.idOf(DRAFTS);
  let key =
    syncedCollection(await sync(alice.client, [{ syncKey: "0", collectionId }]), collectionId)?.syncKey ?? "";
  const run = async (
    kind: "Add" | "Change",
    id: string,
    fill: (writer: WbxmlWriter) => void,
  ): Promise<Element | undefined> => {
    const root = await alice.client.command("Sync", (writer) => {
      writer.start(t("AirSync:Sync")).start(t("AirSync:Collections")).start(t("AirSync:Collection"));
      writer.text(t("AirSync:SyncKey"), key).text(t("AirSync:CollectionId"), collectionId);
      writer.start(t("AirSync:Commands")).start(t(`AirSync:${kind}`));
      writer.text(t(kind === "Add" ? "AirSync:ClientId" : "AirSync:ServerId"), id);
      writer.start(t("AirSync:ApplicationData"));
      fill(writer);
      writer.end().end().end().end().end().end();
    });
    const answer = syncedCollection(root, collectionId);
    key = answer?.syncKey ?? key;
    return answer?.responses[0];
  };
  const added = await run("Add", "client-draft", (writer) => {
    writer.text(t("Email:To"), `"Bob" <${second}>`).text(t("Email:Subject"), "dr\u00e4ft");
    writer.start(t("AirSyncBase:Body")).text(t("AirSyncBase:Type"), 2);
    writer.text(t("AirSyncBase:Data"), "<p>first</p>").end();
    writer.start(t("AirSyncBase:Attachments")).start(t("AirSyncBase:Add"));
    writer.text(t("AirSyncBase:ClientId"), "file-1").text(t("AirSyncBase:Method"), 1);
    writer.text(t("AirSyncBase:DisplayName"), "note.txt");
    writer.start(t("AirSyncBase:Content")).opaque(Buffer.from("note")).end().end().end();
  });
  assert.equal(added?.textOf(t("AirSync:Status")), "1");
  const uploaded = added
    ?.child(t("AirSync:ApplicationData"))
    ?.child(t("AirSyncBase:Attachments"))
    ?.child(t("AirSyncBase:Attachment"));
  assert.equal(uploaded?.textOf(t("AirSyncBase:ClientId")), "file-1");
  const serverId = added?.textOf(t("AirSync:ServerId")) ?? "";
  const sent = await run("Change", serverId, (writer) => {
    writer.start(t("AirSyncBase:Body")).text(t("AirSyncBase:Type"), 1);
    writer.text(t("AirSyncBase:Data"), "second").end();
    writer.text(t("Email2:Send"), 1);
  });
  assert.ok(sent === undefined || sent.textOf(t("AirSync:Status")) === "1");
  const [arrived] = await waitFor(bob, INBOX);
  assert.equal(data(arrived, "Email:Subject"), "dr\u00e4ft");
  const item = arrived?.child(t("AirSync:ApplicationData"));
  assert.equal(item?.child(t("AirSyncBase:Body"))?.textOf(t("AirSyncBase:Data")), "second");
  const [file] = item?.child(t("AirSyncBase:Attachments"))?.children ?? [];
  assert.equal(file?.textOf(t("AirSyncBase:DisplayName")), "note.txt");
  assert.equal(data(arrived, "Email2:IsDraft"), "0");
});

test("mail and people are found, out of office is set and read", async () => {
  const { client } = await phoneOf("alice", 141, "search");
  const search = async (fill: (writer: WbxmlWriter) => void): Promise<Element | undefined> => {
    const root = await answered(client, "Search", (writer) => {
      writer.start(t("Search:Search")).start(t("Search:Store"));
      fill(writer);
      writer.end().end();
    });
    return root.child(t("Search:Response"))?.child(t("Search:Store"));
  };
  const mails = await search((writer) => {
    writer.text(t("Search:Name"), "Mailbox").start(t("Search:Query")).start(t("Search:And"));
    writer.text(t("AirSync:Class"), "Email").text(t("Search:FreeText"), "thanks").end().end();
    writer.start(t("Search:Options")).text(t("Search:Range"), "0-9").end();
  });
  assert.ok(Number(mails?.textOf(t("Search:Total"))) >= 1);
  const people = await search((writer) => {
    writer.text(t("Search:Name"), "GAL").text(t("Search:Query"), "bo");
  });
  const person = people?.child(t("Search:Result"))?.child(t("Search:Properties"));
  assert.match(person?.textOf(t("GAL:EmailAddress")) ?? "", /^bob@/);
  const oof = async (fill: (writer: WbxmlWriter) => void): Promise<Element | undefined> => {
    const root = await answered(client, "Settings", (writer) => {
      writer.start(t("Settings:Settings")).start(t("Settings:Oof"));
      fill(writer);
      writer.end().end();
    });
    return root.child(t("Settings:Oof"));
  };
  const set = await oof((writer) => {
    writer.start(t("Settings:Set")).text(t("Settings:OofState"), 1).start(t("Settings:OofMessage"));
    writer.empty(t("Settings:AppliesToInternal")).text(t("Settings:Enabled"), 1);
    writer.text(t("Settings:ReplyMessage"), "away").text(t("Settings:BodyType"), "Text").end().end();
  });
  assert.equal(set?.textOf(t("Settings:Status")), "1");
  const got = await oof((writer) => {
    writer.start(t("Settings:Get")).text(t("Settings:BodyType"), "Text").end();
  });
  assert.equal(got?.child(t("Settings:Get"))?.textOf(t("Settings:OofState")), "1");
});
