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
import { decodeMarks, encodeMarks, type ItemMarks } from "../account/item-marks.ts";
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

const NINE = "2026-01-05T09:00:00.000Z";
const TEN = "2026-01-05T10:00:00.000Z";
const FOLLOW_UP: Tree[] = [
  ["Email:Status", 2],
  ["Email:FlagType", "Reply"],
  ["Tasks:Subject", "call gr\u00fc\u00dfe"],
  ["Tasks:StartDate", NINE],
  ["Tasks:DueDate", TEN],
  ["Tasks:UtcStartDate", NINE],
  ["Tasks:UtcDueDate", TEN],
  ["Tasks:ReminderSet", 1],
  ["Tasks:ReminderTime", NINE],
];

/** Children of Flag as another device gets them. */
async function flagOf(folder: MemoryMail, uid: number): Promise<Record<string, string>> {
  const [state] = await folder.states([toUid(uid)]);
  const told = applicationData((writer) => email.writeChange(writer, state!, itemContext(161)));
  const flag = told.child(tagOf("Email:Flag"))!;
  return Object.fromEntries(flag.children.map((one) => [one.name.replace(/^.*:/, ""), one.text]));
}

test("change: a follow-up keeps its dates, is done with its time, and cleared without a trace", async () => {
  const folder = new MemoryMail();
  const uid = folder.put("Subject: x\r\n\r\n");
  const change = (...content: Tree[]) =>
    email.change(folder.collection, uid, data(["Email:Flag", ...content]), itemContext(161));
  assert.equal((await change(...FOLLOW_UP)).modseq, folder.modseq);
  assert.equal(folder.get(uid).systemFlags, SystemFlag.flagged);
  const active = {
    Status: "2",
    FlagType: "Reply",
    Subject: "call gr\u00fc\u00dfe",
    StartDate: NINE,
    DueDate: TEN,
    UtcStartDate: NINE,
    UtcDueDate: TEN,
    ReminderSet: "1",
    ReminderTime: NINE,
  };
  assert.deepEqual(await flagOf(folder, uid), active);
  assert.equal((await change(...FOLLOW_UP)).modseq, 0, "the same again changes nothing");

  // Another program takes the flag away and sets it again: nothing is told that it contradicts.
  folder.get(uid).systemFlags = 0;
  assert.deepEqual(await flagOf(folder, uid), {});
  folder.get(uid).systemFlags = SystemFlag.flagged;
  assert.deepEqual(await flagOf(folder, uid), active);

  await change(["Email:Status", 1], ["Tasks:DateCompleted", TEN], ["Email:CompleteTime", TEN]);
  assert.equal(folder.get(uid).systemFlags, 0);
  assert.deepEqual(await flagOf(folder, uid), { Status: "1", DateCompleted: TEN, CompleteTime: TEN });
  await change();
  assert.deepEqual(await flagOf(folder, uid), {});
  assert.deepEqual(folder.get(uid).marks, {});
});

test("change: follow-ups that MS-ASEMAIL does not allow get status 6 and change nothing", async () => {
  const folder = new MemoryMail();
  const uid = folder.put("Subject: x\r\n\r\n");
  const without = (name: string): Tree[] => FOLLOW_UP.filter(([tag]) => tag !== name);
  const cases: Tree[][] = [
    [["Email:Status", 3]],
    without("Tasks:DueDate"),
    without("Tasks:ReminderTime"),
    [...without("Tasks:StartDate"), ["Tasks:StartDate", "2026-02-01T00:00:00.000Z"]],
    [...without("Tasks:StartDate"), ["Tasks:StartDate", "tomorrow"]],
    [
      ["Email:Status", 1],
      ["Tasks:DateCompleted", TEN],
    ],
  ];
  for (const content of cases) {
    const flag: Tree = ["Email:Flag", ...content];
    const { status } = await email.change(folder.collection, uid, data(flag), itemContext(161));
    assert.equal(status, 6, JSON.stringify(content));
  }
  assert.equal(folder.get(uid).systemFlags, 0);
  assert.equal(folder.get(uid).marks, undefined);
});

test("change: a verb with its time sets the flag of other programs, and goes with it", async () => {
  const folder = new MemoryMail();
  const uid = folder.put("Subject: x\r\n\r\n");
  const verbs = async (): Promise<(string | undefined)[]> => {
    const [state] = await folder.states([uid]);
    const told = applicationData((writer) => email.writeChange(writer, state!, itemContext(161)));
    return ["LastVerbExecuted", "LastVerbExecutionTime"].map((name) => told.textOf(tagOf(`Email2:${name}`)));
  };
  const change: Tree[] = [
    ["Email2:LastVerbExecuted", 2],
    ["Email2:LastVerbExecutionTime", TEN],
  ];
  await email.change(folder.collection, uid, data(...change), itemContext(161));
  assert.equal(folder.get(uid).systemFlags, SystemFlag.answered);
  assert.deepEqual(await verbs(), ["2", TEN]);
  folder.get(uid).systemFlags = 0;
  assert.deepEqual(await verbs(), [undefined, undefined]);
  folder.get(uid).keywords = ["$forwarded"];
  assert.deepEqual(await verbs(), ["3", undefined]);
});

test("marks: what was kept comes back, and anything else is nothing", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => assert.deepEqual(decodeMarks(bytes), {})),
    { seed: 1 },
  );
  for (const text of ['{"flag":1,"verb":[9,1]}', '{"flag":{"status":"x"},"verb":[1,1e300]}', "[]", "null"]) {
    assert.deepEqual(decodeMarks(Buffer.from(text)), {});
  }
  const marks: ItemMarks = {
    followUp: { status: "active", fields: { Subject: "\u{1f600}".repeat(200), DueDate: NINE } },
    lastVerb: { verb: 3, atMs: Date.parse(TEN) },
  };
  const kept = decodeMarks(encodeMarks(marks)!);
  assert.deepEqual(kept, decodeMarks(encodeMarks(kept)!));
  assert.deepEqual(kept.lastVerb, marks.lastVerb);
  assert.ok(kept.followUp!.fields.Subject!.length <= 255);
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

test("change: a draft keeps its flag, categories and follow-up, and takes those that come with its content", async () => {
  const folder = new MemoryMail("drafts");
  const { account } = sendingAccount();
  const context = itemContext(161, undefined, account);
  const added = await email.add(
    folder.collection,
    data(...DRAFT, ["Email:Categories", ["Email:Category", "Blue"]]),
    context,
    NEW,
  );
  const flagged = data(["Email:Flag", ...FOLLOW_UP]);
  await email.change(folder.collection, added.uid!, flagged, context);
  const second = await email.change(folder.collection, added.uid!, data(["Email:Subject", "2"]), context);
  const kept = folder.get(second.uid!);
  assert.equal(kept.systemFlags, SystemFlag.draft | SystemFlag.seen | SystemFlag.flagged);
  assert.deepEqual(kept.keywords, ["Blue"]);
  assert.equal(kept.marks?.followUp?.fields.DueDate, TEN);
  assert.equal(second.modseq, folder.modseq);

  const both = data(["Email:Subject", "3"], ["Email:Flag"], ["Email:Categories"]);
  const third = await email.change(folder.collection, second.uid!, both, context);
  assert.equal(folder.get(third.uid!).systemFlags, SystemFlag.draft | SystemFlag.seen);
  assert.deepEqual(folder.get(third.uid!).keywords, []);
  const invalid = data(["Email:Subject", "4"], ["Email:Flag", ["Email:Status", 7]]);
  assert.equal((await email.change(folder.collection, third.uid!, invalid, context)).status, 6);
  assert.equal(folder.mails.size, 1);
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
