import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  answerRoot,
  easRequest,
  MemoryMail,
  type RequestFixture,
  sendingAccount,
  type Tree,
  wbxml,
} from "../../../test/support/eas-mail.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { EasAnswer } from "../command.ts";
import type { Element } from "../element.ts";
import { summarize } from "../../mime/summarize.ts";
import { conversationId } from "../mail/conversation.ts";
import { EmailClass } from "../mail/email-class.ts";
import { printLongId } from "./find-item.ts";
import { getAttachment } from "./get-attachment.ts";
import { itemOperations } from "./item-operations.ts";
import type { CommandServices } from "./services.ts";

const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());
const services = { clock: systemClock, random: systemRandom, classes: [email] } as unknown as CommandServices;

const MAIL =
  "From: bob@example.net\r\nSubject: files\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n\r\nbody text\r\n--m\r\n" +
  "Content-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\nMDEyMzQ1Njc4OQ==\r\n--m\r\n" +
  "Content-Type: text/csv; name=b.csv\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\na=3Db\r\n--m--\r\n";

const folder = new MemoryMail();
folder.put(MAIL);
const { account } = sendingAccount([folder]);

async function run(more: Partial<RequestFixture>, ...operations: Tree[]): Promise<EasAnswer> {
  const body = wbxml(["ItemOperations:ItemOperations", ...operations]);
  const request = { command: "ItemOperations", body, account, folders: { 5: folder.key }, ...more };
  return itemOperations(services).run(await easRequest(request));
}

function fetch(...content: Tree[]): Tree {
  return ["ItemOperations:Fetch", ["ItemOperations:Store", "Mailbox"], ...content];
}

function results(answer: EasAnswer): readonly Element[] {
  const root = answerRoot(answer);
  assert.equal(root.textOf(tagOf("ItemOperations:Status")), "1");
  return root.child(tagOf("ItemOperations:Response"))?.children ?? [];
}

const status = (result: Element | undefined): string | undefined =>
  result?.textOf(tagOf("ItemOperations:Status"));
const properties = (result: Element | undefined): Element | undefined =>
  result?.child(tagOf("ItemOperations:Properties"));

test("ItemOperations Fetch: by ServerId and LongId, several in one request, each with its status", async () => {
  const found = results(
    await run(
      {},
      fetch(["AirSync:CollectionId", "5"], ["AirSync:ServerId", "5:1"]),
      fetch(["Search:LongId", printLongId(folder.key, 1)]),
      fetch(["AirSync:CollectionId", "5"], ["AirSync:ServerId", "5:9"]),
      fetch(["AirSync:CollectionId", "9"], ["AirSync:ServerId", "9:1"]),
      fetch(),
      ["ItemOperations:Fetch", ["ItemOperations:Store", "DocumentLibrary"], ["DocumentLibrary:LinkId", "x"]],
    ),
  );
  assert.deepEqual(found.map(status), ["1", "1", "6", "6", "2", "9"]);
  assert.deepEqual(
    found[0]?.children.map(({ name }) => name),
    [
      "ItemOperations:Status",
      "AirSync:CollectionId",
      "AirSync:ServerId",
      "AirSync:Class",
      "ItemOperations:Properties",
    ],
  );
  assert.equal(properties(found[0])?.textOf(tagOf("Email:Subject")), "files");
  assert.equal(found[1]?.textOf(tagOf("Search:LongId")), printLongId(folder.key, 1));
});

test("ItemOperations Fetch: Schema leaves only what it names", async () => {
  const [found] = results(
    await run(
      {},
      fetch(
        ["AirSync:ServerId", "5:1"],
        [
          "ItemOperations:Options",
          ["ItemOperations:Schema", ["Email:Subject"], ["Email2:ConversationId"], ["AirSyncBase:Body"]],
        ],
      ),
    ),
  );
  assert.deepEqual(
    properties(found)?.children.map(({ name }) => name),
    ["Email:Subject", "AirSyncBase:Body", "Email2:ConversationId"],
  );
  assert.equal(properties(found)?.child(tagOf("Email2:ConversationId"))?.content.length, 16);
});

test("ItemOperations Fetch: attachments decoded, whole and in ranges", async () => {
  const range = (text: string): Tree => ["ItemOperations:Options", ["ItemOperations:Range", text]];
  const reference = (path: string): Tree => ["AirSyncBase:FileReference", `5:1:${path}`];
  const found = results(
    await run(
      {},
      fetch(reference("2")),
      fetch(reference("2"), range("3-5")),
      fetch(reference("3")),
      fetch(reference("2"), range("10-12")),
      fetch(reference("7")),
      fetch(["AirSyncBase:FileReference", "nonsense"]),
    ),
  );
  assert.deepEqual(found.map(status), ["1", "1", "1", "8", "15", "15"]);
  const data = found.map((one) => properties(one)?.textOf(tagOf("ItemOperations:Data")));
  assert.equal(Buffer.from(data[0] ?? "", "base64").toString(), "0123456789");
  assert.equal(Buffer.from(data[1] ?? "", "base64").toString(), "345");
  assert.equal(Buffer.from(data[2] ?? "", "base64").toString(), "a=b");
  assert.equal(properties(found[1])?.textOf(tagOf("ItemOperations:Range")), "3-5");
  assert.equal(properties(found[1])?.textOf(tagOf("ItemOperations:Total")), "10");
  assert.equal(properties(found[0])?.textOf(tagOf("AirSyncBase:ContentType")), "application/pdf");
});

test("ItemOperations Fetch: multipart where the device takes it", async () => {
  const answer = await run(
    { acceptMultipart: true },
    fetch(["AirSync:ServerId", "5:1"]),
    fetch(["AirSyncBase:FileReference", "5:1:2"]),
  );
  assert.equal(answer.kind, "multipart");
  if (answer.kind !== "multipart") return;
  assert.deepEqual(answer.parts.map(String), ["body text", "0123456789"]);
  const found = results(answer);
  const body = properties(found[0])?.child(tagOf("AirSyncBase:Body"));
  assert.equal(body?.textOf(tagOf("ItemOperations:Part")), "1");
  assert.equal(properties(found[1])?.textOf(tagOf("ItemOperations:Part")), "2");
});

test("ItemOperations: EmptyFolderContents; protocol errors", async () => {
  const trash = new MemoryMail("trash");
  trash.put(MAIL);
  const using = { account: sendingAccount([trash]).account, folders: { 7: trash.key } };
  const empty = (id: string): Tree => ["ItemOperations:EmptyFolderContents", ["AirSync:CollectionId", id]];
  const found = results(await run(using, empty("7"), empty("8")));
  assert.deepEqual(found.map(status), ["1", "6"]);
  assert.equal(trash.mails.size, 0);
  assert.equal(status(answerRoot(await run({}))), "2");
});

test("ItemOperations Move: a conversation from every folder, and only it; what is not there gets 6", async () => {
  const inbox = new MemoryMail();
  const sent = new MemoryMail("sent");
  const archive = new MemoryMail("archive");
  inbox.put("Message-ID: <a@x>\r\nSubject: plan\r\n\r\n");
  inbox.put("Message-ID: <b@x>\r\nSubject: plan\r\n\r\n");
  sent.put("Message-ID: <c@x>\r\nReferences: <a@x>\r\nSubject: Re: plan\r\n\r\n");
  archive.put("Message-ID: <d@x>\r\nReferences: <a@x> <c@x>\r\nSubject: Re: plan\r\n\r\n");
  const using = {
    account: sendingAccount([inbox, sent, archive]).account,
    folders: { 5: inbox.key, 6: sent.key, 7: archive.key },
  };
  const id = conversationId("", summarize(Buffer.from("Message-ID: <a@x>\r\n\r\n")));
  const move = (conversation: Buffer, target: string): Tree => [
    "ItemOperations:Move",
    ["ItemOperations:ConversationId", conversation],
    ["ItemOperations:DstFldId", target],
    ["ItemOperations:Options", ["ItemOperations:MoveAlways"]],
  ];
  const found = results(
    await run(
      using,
      move(id, "7"),
      move(id, "9"),
      move(Buffer.alloc(16, 0xee), "7"),
      move(Buffer.from("short"), "7"),
    ),
  );
  assert.deepEqual(found.map(status), ["1", "6", "6", "6"]);
  assert.deepEqual(found[0]?.child(tagOf("ItemOperations:ConversationId"))?.content, id);
  assert.deepEqual(
    [inbox.moved, sent.moved, archive.moved],
    [[`1 to ${archive.key}`], [`1 to ${archive.key}`], []],
  );
});

test("GetAttachment: the octets in 12.1, a 500 for what is not there, refused since 14.1", async () => {
  const get = async (AttachmentName: string, version: 121 | 141): Promise<EasAnswer> => {
    const request = { command: "GetAttachment", version, account, folders: { 5: folder.key } };
    return getAttachment().run(await easRequest({ ...request, parameters: { AttachmentName } }));
  };
  const found = await get("5%3a1%3a2", 121);
  assert.deepEqual([found.kind, found.kind === "bytes" && found.bytes.toString()], ["bytes", "0123456789"]);
  for (const name of ["5:1:9", "5:8:1", "9:1:1", "", "../etc"]) {
    const missing = await get(name, 121);
    assert.equal(missing.kind === "http" && missing.status, 500, name);
  }
  await assert.rejects(get("5:1:2", 141), { code: "command_not_supported" });
});
