/** What a mailbox makes the gateway answer, held against the schemas in every version (MS-AS*); see eas-schema.ts. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "../../src/base/io/clock.ts";
import { systemRandom } from "../../src/base/io/random.ts";
import { encodeMarks, type FollowUp, type ItemMarks } from "../../src/eas/account/item-marks.ts";
import type { EasAnswer } from "../../src/eas/command.ts";
import { find } from "../../src/eas/commands/find.ts";
import { itemOperations } from "../../src/eas/commands/item-operations.ts";
import { search } from "../../src/eas/commands/search.ts";
import type { CommandServices } from "../../src/eas/commands/services.ts";
import { type Element, parseElement } from "../../src/eas/element.ts";
import { EmailClass } from "../../src/eas/mail/email-class.ts";
import { EasRefusal, refusalAnswer } from "../../src/eas/status.ts";
import { refusalOfSync } from "../../src/eas/sync/sync-answer.ts";
import { SyncRefusal } from "../../src/eas/sync/sync-request.ts";
import { printVersion, PROTOCOL_VERSIONS, type ProtocolVersion } from "../../src/eas/version.ts";
import { SystemFlag } from "../../src/store/model.ts";
import { tagOf } from "../../src/wire/wbxml/code-pages.ts";
import { easRequest, MemoryMail, sendingAccount, type Tree, wbxml, writeTree } from "../support/eas-mail.ts";
import { OTHER_CLIENT } from "../support/eas-mailbox.ts";
import { manyMails } from "../support/eas-many-mails.ts";
import { Phone } from "../support/eas-phone.ts";
import { assertSchema, schemaViolations } from "../support/eas-schema.ts";
import { EasTrial } from "../support/eas-trial.ts";

const BODY_TYPES = [1, 2, 4];
const FLAGS = [0, SystemFlag.seen, SystemFlag.flagged | SystemFlag.answered, SystemFlag.draft];
const TEN = "2026-01-05T10:00:00.000Z";
const MARKS: readonly ItemMarks[] = [
  {
    followUp: {
      status: "active",
      fields: Object.fromEntries([
        ["FlagType", "Reply"],
        ["Subject", "call"],
        ...["StartDate", "DueDate", "UtcStartDate", "UtcDueDate", "ReminderTime"].map((name) => [name, TEN]),
        ["ReminderSet", "1"],
        ["OrdinalDate", TEN],
        ["SubOrdinalDate", "5555555"],
      ]) as FollowUp["fields"],
    },
    lastVerb: { verb: 1, atMs: 1_700_000_000_000 },
  },
  { followUp: { status: "complete", fields: { DateCompleted: TEN, CompleteTime: TEN } } },
  { lastVerb: { verb: 3, atMs: 1_700_000_000_000 } },
];
const MAX_ROUNDS = 50;
const OLD_ELEMENTS = ["Email:WeekOfMonth", "Email:Reminder", "Email:GlobalObjId", "ItemOperations:Part"];
const NEW_ELEMENTS = ["Calendar:UID", "Email:WeekOfMonth", "AirSyncBase:BodyPart", "ItemOperations:Part"];

const email = new EmailClass({ clock: systemClock, random: systemRandom });
after(() => email.close());
const services = { clock: systemClock, random: systemRandom, classes: [email] } as unknown as CommandServices;

const preferences = (version: ProtocolVersion, type: number): readonly Tree[] => [
  [
    "AirSyncBase:BodyPreference",
    ["AirSyncBase:Type", type],
    ["AirSyncBase:TruncationSize", 200],
    ...preview(version),
  ],
  ...(version < 141
    ? []
    : [["AirSyncBase:BodyPartPreference", ["AirSyncBase:Type", 2], ...preview(version)] satisfies Tree]),
];
const preview = (version: ProtocolVersion): readonly Tree[] =>
  version < 140 ? [] : [["AirSyncBase:Preview", 50]];

for (const version of PROTOCOL_VERSIONS) {
  test(`eas answers ${printVersion(version)}: Sync of a generated mailbox keeps the schema`, async () => {
    const trial = await EasTrial.open();
    try {
      for (const folder of ["user.alice", "user.alice.Drafts"]) {
        const messages = manyMails().map((bytes, at) => ({
          body: trial.store.stageBuffer(bytes),
          systemFlags: FLAGS[at % FLAGS.length] ?? 0,
          keywords: at % 2 === 0 ? ["$Forwarded", "Blue"] : [],
          internalDate: 1_700_000_000,
          annotations: [
            {
              entry: "/vendor/rookery/activesync",
              userId: "",
              value: encodeMarks(MARKS[at % MARKS.length] ?? {}),
            },
          ],
        }));
        await trial.store.append(trial.store.mailboxes.get(folder).id, messages, OTHER_CLIENT);
      }
      for (const type of BODY_TYPES) {
        const phone = new Phone(trial.gateway(), version, `PHONE${type}`);
        await phone.folderSync();
        // EasTrial holds every answer against the schema.
        for (const name of ["Inbox", "Drafts"]) await syncAll(phone, phone.idOf(name), type);
      }
    } finally {
      await trial.close();
    }
  });

  test(`eas answers ${printVersion(version)}: Search, Find and ItemOperations keep the schema`, async () => {
    const folder = new MemoryMail();
    for (const [at, bytes] of manyMails().entries()) {
      const uid = folder.put(bytes, at % 2 === 0 ? SystemFlag.flagged : 0, ["Blue"]);
      folder.get(uid).marks = MARKS[at % MARKS.length] ?? {};
    }
    const { account } = sendingAccount([folder]);
    const request = (command: string, tree: Tree, acceptMultipart = false): Promise<EasAnswer> =>
      easRequest({
        command,
        version,
        body: wbxml(tree),
        account,
        folders: { 5: folder.key },
        acceptMultipart,
      }).then((asked) => commands.get(command)!.run(asked));
    const commands = new Map(
      [find(), search(services), itemOperations(services)].map((command) => [command.name, command]),
    );
    const operations: Tree = [
      "ItemOperations:ItemOperations",
      ...[...folder.mails.keys()].map((uid): Tree => [
        "ItemOperations:Fetch",
        ["ItemOperations:Store", "Mailbox"],
        ["AirSync:CollectionId", "5"],
        ["AirSync:ServerId", `5:${uid}`],
        ["ItemOperations:Options", ...preferences(version, 2)],
      ]),
      ["ItemOperations:EmptyFolderContents", ["AirSync:CollectionId", "77"]],
    ];
    const mailbox: Tree = [
      "Search:Search",
      [
        "Search:Store",
        ["Search:Name", "Mailbox"],
        ["Search:Query", ["Search:And", ["AirSync:Class", "Email"], ["Search:FreeText", "meet"]]],
        ["Search:Options", ["Search:Range", "0-99"], ...preferences(version, 1)],
      ],
    ];
    const people: Tree = [
      "Search:Search",
      [
        "Search:Store",
        ["Search:Name", "GAL"],
        ["Search:Query", "bob"],
        ["Search:Options", ["Search:Picture"]],
      ],
    ];
    const answers = [
      await request("ItemOperations", operations),
      await request("ItemOperations", operations, true),
      await request("Search", mailbox),
      await request("Search", people),
    ];
    if (version >= 161) {
      const options: Tree = ["Find:Options", ["Find:Range", "0-99"], ["Find:DeepTraversal"]];
      const query: Tree = ["Find:Query", ["AirSync:Class", "Email"], ["Find:FreeText", "meet"]];
      for (const criterion of [
        ["Find:MailBoxSearchCriterion", query, options],
        ["Find:GalSearchCriterion", ["Find:Query", "bob"], ["Find:Options", ["Find:Picture"]]],
      ] satisfies Tree[]) {
        answers.push(
          await request("Find", ["Find:Find", ["Find:SearchId", "1"], ["Find:ExecuteSearch", criterion]]),
        );
      }
    }
    const seen = new Set<string>();
    for (const answer of answers) {
      assert.ok(answer.kind === "wbxml" || answer.kind === "multipart", answer.kind);
      assertSchema(answer.bytes, printVersion(version));
      addNames(parseElement(answer.bytes), seen);
    }
    // The check means something only when the mailbox brings these about.
    for (const name of version < 160 ? OLD_ELEMENTS : NEW_ELEMENTS) assert.ok(seen.has(name), name);
  });
}

function addNames(element: Element, names: Set<string>): void {
  names.add(element.name);
  for (const child of element.children) addNames(child, names);
}

/** Until all is there. */
async function syncAll(phone: Phone, collectionId: string, type: number): Promise<void> {
  let key = "0";
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const body: Tree = [
      "AirSync:Sync",
      [
        "AirSync:Collections",
        [
          "AirSync:Collection",
          ["AirSync:SyncKey", key],
          ["AirSync:CollectionId", collectionId],
          ["AirSync:Options", ["AirSync:MIMESupport", 2], ...preferences(phone.version, type)],
        ],
      ],
    ];
    const root = await phone.call("Sync", (writer) => writeTree(writer, body));
    const collection = root?.child(tagOf("AirSync:Collections"))?.child(tagOf("AirSync:Collection"));
    const next = collection?.textOf(tagOf("AirSync:SyncKey"));
    if (next === undefined || next === key) return;
    key = next;
  }
  assert.fail("the gateway never comes to an end");
}

test("eas answers: a refusal keeps the schema of its command", () => {
  for (const command of [
    "Sync",
    "FolderSync",
    "MeetingResponse",
    "ItemOperations",
    "Provision",
    "SendMail",
  ]) {
    const answer = refusalAnswer(new EasRefusal("policy_refresh", "changed"), command, 141, 1000);
    assert.ok(answer.kind === "wbxml");
    assertSchema(answer.bytes, "14.1");
  }
  const tooLong = refusalOfSync(new SyncRefusal(14, "the wait is too long", 59));
  assert.ok(tooLong.kind === "wbxml");
  assertSchema(tooLong.bytes, "14.1");
});

test("eas schema: says what is unknown, misplaced, missing, repeated, too new, or of another type", () => {
  const folder = (...content: (string | Tree)[]): Tree => ["FolderHierarchy:FolderSync", ...content];
  const cases: [Tree, ProtocolVersion, RegExp][] = [
    [folder(), 161, /Status: missing/],
    [folder(["FolderHierarchy:SyncKey", "1"], ["FolderHierarchy:Status", 1]), 161, /Status: behind/],
    [folder(["FolderHierarchy:Status", 1], ["FolderHierarchy:Status", 1]), 161, /more than one/],
    [folder(["FolderHierarchy:Status", "one"]), 161, /"one" is no int/],
    [folder(["FolderHierarchy:Status", 1], ["AirSync:Status", 1]), 161, /does not belong here/],
    [folder("text", ["FolderHierarchy:Status", 1]), 161, /has text/],
    [["Tasks:Sensitivity", "x"], 161, /no such element/],
    [["Settings:Settings", ["Settings:RightsManagementInformation"]], 140, /not in this version/],
  ];
  for (const [tree, version, expected] of cases) {
    assert.match(schemaViolations(parseElement(wbxml(tree)), version).join("\n"), expected);
  }
});
