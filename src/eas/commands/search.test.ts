import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  answerRoot,
  easRequest,
  MemoryMail,
  sendingAccount,
  type Tree,
  wbxml,
} from "../../../test/support/eas-mail.ts";
import { systemClock } from "../../base/io/clock.ts";
import { systemRandom } from "../../base/io/random.ts";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import type { Element } from "../element.ts";
import { EmailClass } from "../mail/email-class.ts";
import type { ProtocolVersion } from "../version.ts";
import { find } from "./find.ts";
import { parseLongId } from "./find-item.ts";
import { search } from "./search.ts";
import { readKeywords } from "./search-mail.ts";
import type { CommandServices } from "./services.ts";

const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());
const services = { clock: systemClock, random: systemRandom, classes: [email] } as unknown as CommandServices;

const inbox = new MemoryMail();
inbox.put("From: bob@example.net\r\nSubject: apples\r\n\r\nfruit one\r\n");
inbox.put("From: bob@example.net\r\nSubject: pears\r\n\r\nfruit two\r\n");
const unsynced = new MemoryMail("archive");
unsynced.put("From: bob@example.net\r\nSubject: plums\r\n\r\nfruit three\r\n");
const { account } = sendingAccount([inbox, unsynced]);
const folders = { 5: inbox.key };

async function store(version: ProtocolVersion, ...content: Tree[]): Promise<Element> {
  const body = wbxml(["Search:Search", ["Search:Store", ...content]]);
  const answer = await search(services).run(
    await easRequest({ command: "Search", version, body, account, folders }),
  );
  const root = answerRoot(answer);
  assert.equal(root.textOf(tagOf("Search:Status")), "1");
  return root.child(tagOf("Search:Response"))!.child(tagOf("Search:Store"))!;
}

const text = (element: Element | undefined, name: string): string | undefined => element?.textOf(tagOf(name));
const mailbox: Tree = ["Search:Name", "Mailbox"];
const words = (value: string, ...more: Tree[]): Tree => [
  "Search:Query",
  ["Search:And", ["AirSync:Class", "Email"], ...more, ["Search:FreeText", value]],
];
const range = (value: string): Tree => ["Search:Options", ["Search:Range", value]];

test("Search Mailbox: results with LongId, also of folders that the device does not sync", async () => {
  const found = await store(141, mailbox, words("fruit"), range("0-9"));
  assert.equal(text(found, "Search:Status"), "1");
  const rows = found.all(tagOf("Search:Result"));
  assert.deepEqual(
    rows.map((row) => [
      text(row, "AirSync:CollectionId"),
      text(row.child(tagOf("Search:Properties")), "Email:Subject"),
      parseLongId(text(row, "Search:LongId") ?? "")?.folderKey,
    ]),
    [
      ["5", "apples", inbox.key],
      ["5", "pears", inbox.key],
      [undefined, "plums", unsynced.key],
    ],
  );
  assert.deepEqual([text(found, "Search:Range"), text(found, "Search:Total")], ["0-2", "3"]);
});

test("Search Mailbox: one folder, ranges, nothing found, bad requests", async () => {
  const folder: Tree = ["AirSync:CollectionId", "5"];
  const second = await store(141, mailbox, words("fruit", folder), range("1-1"));
  assert.deepEqual([text(second, "Search:Range"), text(second, "Search:Total")], ["1-1", "2"]);
  const nothing = await store(141, mailbox, words("absent"), range("0-9"));
  assert.equal(nothing.child(tagOf("Search:Result"))?.children.length, 0);
  const statusOf = async (...content: Tree[]): Promise<string | undefined> =>
    text(await store(141, ...content), "Search:Status");
  assert.equal(await statusOf(mailbox, words("fruit"), range("50-60")), "12");
  assert.equal(await statusOf(mailbox, words("fruit"), range("9-1")), "2");
  assert.equal(await statusOf(mailbox, words("fruit", ["AirSync:CollectionId", "99"])), "11");
  assert.equal(await statusOf(mailbox, ["Search:Query", ["Search:Or", ["Search:FreeText", "x"]]]), "8");
  assert.equal(await statusOf(["Search:Name", "DocumentLibrary"], ["Search:Query", "x"]), "13");
  assert.equal(await statusOf(["Search:Name", "Elsewhere"], ["Search:Query", "x"]), "2");
});

test("Search GAL: people, with photos since 14.1", async () => {
  const picture: Tree = ["Search:Options", ["Search:Picture", ["Search:MaxPictures", 1]]];
  const rows = async (version: ProtocolVersion): Promise<(string | undefined)[][]> =>
    (await store(version, ["Search:Name", "GAL"], ["Search:Query", "bob"], picture))
      .all(tagOf("Search:Result"))
      .map((row) => {
        const properties = row.child(tagOf("Search:Properties"));
        const photo = properties?.child(tagOf("GAL:Picture"));
        return [
          text(properties, "GAL:EmailAddress"),
          text(properties, "GAL:Phone"),
          text(photo, "GAL:Status"),
        ];
      });
  assert.deepEqual(await rows(141), [
    ["bob@example.org", undefined, "173"],
    ["bobby@example.org", undefined, "1"],
  ]);
  assert.equal((await rows(140))[0]?.[2], undefined);
});

test("Find: summaries of mails that the device can open, people", async () => {
  const run = async (criterion: Tree): Promise<Element> => {
    const body = wbxml(["Find:Find", ["Find:SearchId", "1"], ["Find:ExecuteSearch", criterion]]);
    const request = await easRequest({ command: "Find", version: 161, body, account, folders });
    const root = answerRoot(await find().run(request));
    assert.equal(text(root, "Find:Status"), "1");
    return root.child(tagOf("Find:Response"))!;
  };
  const query: Tree = ["Find:Query", ["AirSync:Class", "Email"], ["Find:FreeText", "fruit"]];
  const mails = await run(["Find:MailBoxSearchCriterion", query, ["Find:Options", ["Find:Range", "0-4"]]]);
  const results = mails.all(tagOf("Find:Result"));
  assert.deepEqual(
    results.map((row) => text(row, "AirSync:ServerId")),
    ["5:1", "5:2"],
  );
  const properties = results[0]?.child(tagOf("Find:Properties"));
  assert.deepEqual(
    ["Email:Subject", "Find:Preview", "Find:HasAttachments"].map((name) => text(properties, name)),
    ["apples", "fruit one", "0"],
  );
  const people = await run(["Find:GalSearchCriterion", ["Find:Query", "bobby"]]);
  assert.equal(people.all(tagOf("Find:Result")).length, 1);
  const old = await easRequest({ command: "Find", version: 160, account });
  await assert.rejects(find().run(old), { code: "command_not_supported" });
});

test("readKeywords: fields of the Keyword Query Language", () => {
  assert.deepEqual(readKeywords('from:ann subject:"annual report" budget AND (plan)'), {
    freeText: "budget plan",
    from: "ann",
    subject: "annual report",
  });
  assert.deepEqual(readKeywords("http://x from"), { freeText: "http://x from" });
  assert.equal(readKeywords("x".repeat(2_000)), undefined);
});

test("Search Mailbox: ends with result 999, as three digits of a Range can tell", async () => {
  const crowded = new MemoryMail();
  for (let at = 0; at < 1_010; at++) crowded.put("Subject: x\r\n\r\nfruit\r\n");
  const many = sendingAccount([crowded]).account;
  const statusAndRange = async (asked: string): Promise<(string | undefined)[]> => {
    const body = wbxml(["Search:Search", ["Search:Store", mailbox, words("fruit"), range(asked)]]);
    const request = await easRequest({ command: "Search", body, account: many, folders: { 5: crowded.key } });
    const root = answerRoot(await search(services).run(request));
    const found = root.child(tagOf("Search:Response"))?.child(tagOf("Search:Store"));
    return [text(found, "Search:Status"), text(found, "Search:Range")];
  };
  assert.deepEqual(await statusAndRange("995-1005"), ["1", "995-999"]);
  assert.deepEqual(await statusAndRange("1000-1005"), ["12", undefined]);
});
