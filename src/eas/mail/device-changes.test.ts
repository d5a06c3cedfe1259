import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  applicationData,
  itemContext,
  MemoryMail,
  sendingAccount,
  type Tree,
  wbxml,
} from "../../../test/support/eas-mail.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { toUid } from "../../base/numbers.ts";
import { summarize } from "../../mime/summarize.ts";
import { SystemFlag } from "../../store/model.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { type Element, parseElement } from "../element.ts";
import type { DeviceChange } from "../item-class.ts";
import { categoriesOf, toKeyword } from "./categories.ts";
import { EmailClass } from "./email-class.ts";
import { layOut } from "./layout.ts";
import { partText } from "./mail-text.ts";
import { messageInMemory } from "./message-source.ts";
import { readParts } from "./part.ts";

const email = new EmailClass({ clock: systemClock, random: systemRandom });
const NEW = { clientId: "1", unknown: () => Promise.resolve([]) };

function data(...content: Tree[]): Element {
  return parseElement(wbxml(["AirSync:ApplicationData", ...content]));
}

test("change: read, flag and categories, and nothing when nothing differs", async () => {
  const folder = new MemoryMail();
  const uid = folder.put("Subject: x\r\n\r\n", SystemFlag.flagged, ["$Forwarded", "Former"]);
  const change = (...content: Tree[]) =>
    email.change(folder.collection, uid, data(...content), itemContext(141));
  const first = await change(
    ["Email:Read", 1],
    ["Email:Flag"],
    ["Email:Categories", ["Email:Category", "Blue category"], ["Email:Category", "$odd"]],
  );
  assert.deepEqual(first, { status: 1, uid: undefined, modseq: folder.modseq });
  assert.equal(folder.get(uid).systemFlags, SystemFlag.seen);
  assert.deepEqual(folder.get(uid).keywords, ["$Forwarded", "Blue=20category", "=24odd"]);
  assert.equal((await change(["Email:Read", 1])).modseq, 0);
  await change(["Email:Flag", ["Email:Status", 2], ["Email:FlagType", "Follow up"]]);
  assert.equal(folder.get(uid).systemFlags, SystemFlag.seen | SystemFlag.flagged);
  await change(["Email:Flag", ["Email:Status", 1]]);
  assert.equal(folder.get(uid).systemFlags, SystemFlag.seen);
  const gone = await email.change(folder.collection, 99, data(["Email:Read", 1]), itemContext(141));
  assert.equal(gone.status, 8);
});

test("categories: any text comes back as it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }), (text) => {
      const category = text.trim().normalize("NFC").toWellFormed();
      const keyword = toKeyword(category);
      if (category === "" || keyword === undefined) return;
      assert.match(keyword, /^[\x21-\x7e]+$/);
      assert.doesNotMatch(keyword, /[\\"(){%*\]]/);
      assert.deepEqual(categoriesOf([keyword]), [category]);
    }),
    { seed: 1 },
  );
});

const DRAFT: Tree[] = [
  ["Email:To", '"B\u00e9a, X" <bea@example.org>'],
  ["Email2:Bcc", "<dan@example.org>"],
  ["Email:Subject", "dr\u00e4ft"],
  ["Email:Importance", 2],
  [
    "AirSyncBase:Body",
    ["AirSyncBase:Type", 2],
    ["AirSyncBase:Data", "<p>gr\u00fc\u00dfe <img src=cid:p></p>"],
  ],
  [
    "AirSyncBase:Attachments",
    [
      "AirSyncBase:Add",
      ["AirSyncBase:ClientId", "c1"],
      ["AirSyncBase:DisplayName", "\u00e9.png"],
      ["AirSyncBase:ContentId", "p"],
      ["AirSyncBase:IsInline", 1],
      ["AirSyncBase:ContentType", "image/png"],
      ["AirSyncBase:Content", Buffer.from("PNG")],
    ],
    [
      "AirSyncBase:Add",
      ["AirSyncBase:ClientId", "c2"],
      ["AirSyncBase:DisplayName", "a.txt"],
      ["AirSyncBase:Content", Buffer.from("text")],
    ],
  ],
];

test("add: a draft of 16.x becomes a message, its uploads get references", async () => {
  const folder = new MemoryMail("drafts");
  const { account } = sendingAccount();
  const context = itemContext(161, undefined, account);
  const added = await email.add(folder.collection, data(...DRAFT), context, NEW);
  assert.equal(added.status, 1);
  const bytes = folder.get(added.uid!).bytes;
  const header = bytes.toString("latin1");
  assert.match(
    header,
    /^From: "Alice Example" <alice@example\.org>\r\nTo: =\?utf-8\?B\?[^?]+\?= <bea@example\.org>\r\nBcc: <dan@example\.org>\r\n/,
  );
  assert.match(header, /Importance: high\r\n/);
  assert.equal(folder.get(added.uid!).systemFlags, SystemFlag.draft | SystemFlag.seen);
  const layout = layOut(await readParts(messageInMemory(bytes)));
  assert.deepEqual(
    layout.attachments.map(({ part, inline }) => [part.fileName, part.contentId, inline]),
    [
      ["\u00e9.png", "p", true],
      ["a.txt", "", false],
    ],
  );
  const references = applicationData(added.write!).child(tagOf("AirSyncBase:Attachments"))?.children ?? [];
  assert.deepEqual(
    references.map((one) => [
      one.textOf(tagOf("AirSyncBase:ClientId")),
      one.textOf(tagOf("AirSyncBase:FileReference")),
    ]),
    [
      ["c1", "5:1:1.2"],
      ["c2", "5:1:2"],
    ],
  );
});

test("add: a draft that was stored without an answer is found, not made again", async () => {
  const folder = new MemoryMail("drafts");
  const { account } = sendingAccount();
  const context = itemContext(161, undefined, account);
  const add = (clientId: string, ...content: Tree[]): ReturnType<typeof email.add> =>
    email.add(folder.collection, data(...content), context, {
      clientId,
      unknown: () => Promise.resolve([...folder.mails.keys()].map(toUid)),
    });
  const first = await add("c", ...DRAFT);
  const again = await add("c", ...DRAFT);
  assert.equal(again.uid, first.uid);
  assert.equal(folder.mails.size, 1);
  const files = (done: DeviceChange): readonly (string | undefined)[] =>
    applicationData(done.write!).children[0]!.children.map((one) =>
      one.textOf(tagOf("AirSyncBase:FileReference")),
    );
  assert.deepEqual(files(again), files(first));
  // Another item, and another content under a ClientId that was used before.
  await add("d", ...DRAFT);
  await add("c", ["Email:Subject", "other"]);
  assert.equal(folder.mails.size, 3);
});

test("change: of a draft leaves what it does not name, and takes files away", async () => {
  const folder = new MemoryMail("drafts");
  const { account, sent } = sendingAccount();
  const context = itemContext(161, undefined, account);
  const added = await email.add(folder.collection, data(...DRAFT), context, NEW);
  const changed = await email.change(
    folder.collection,
    added.uid!,
    data(
      ["Email:Subject", "second"],
      ["AirSyncBase:Attachments", ["AirSyncBase:Delete", ["AirSyncBase:FileReference", "5:1:2"]]],
    ),
    context,
  );
  assert.equal(changed.status, 1);
  assert.equal(folder.mails.size, 1);
  const message = messageInMemory(folder.get(changed.uid!).bytes);
  const layout = layOut(await readParts(message));
  assert.equal(summarize(folder.get(changed.uid!).bytes).baseSubject, "SECOND");
  assert.equal(await partText(message, layout.text[0]!.html![0]!), "<p>gr\u00fc\u00dfe <img src=cid:p></p>");
  assert.deepEqual(
    layout.attachments.map(({ part }) => part.fileName),
    ["\u00e9.png"],
  );
  const once = { ...context, onceKey: "eas:PHONE:5:key:change:5:2" };
  const done = await email.change(folder.collection, changed.uid!, data(["Email2:Send", 1]), once);
  assert.deepEqual(done, { status: 1, uid: undefined, modseq: 0 });
  assert.equal(sent[0]?.onceKey, once.onceKey);
  assert.equal(folder.mails.size, 0);
  assert.match(sent[0].bytes.toString(), /Bcc: <dan@example\.org>[\s\S]*Subject: second/);
});

test("add: refused before 16.0 and outside of Drafts; change of content refused for what is no draft", async () => {
  const drafts = new MemoryMail("drafts");
  const inbox = new MemoryMail("inbox");
  inbox.put("Subject: x\r\n\r\n");
  const content = data(["Email:Subject", "y"]);
  assert.equal((await email.add(drafts.collection, content, itemContext(141), NEW)).status, 6);
  assert.equal((await email.add(inbox.collection, content, itemContext(161), NEW)).status, 6);
  assert.equal((await email.change(inbox.collection, 1, content, itemContext(161))).status, 6);
});
