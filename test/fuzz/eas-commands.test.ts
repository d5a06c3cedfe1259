/** Hostile trees to every command over a real mailbox: the protocol's answer, bounded, and the mailbox syncs on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AccountError } from "../../src/eas/account/port.ts";
import { EasRefusal } from "../../src/eas/status.ts";
import { PROTOCOL_VERSIONS } from "../../src/eas/version.ts";
import { nameOf, tagOf } from "../../src/wire/wbxml/code-pages.ts";
import type { WbxmlWriter } from "../../src/wire/wbxml/writer.ts";
import { Phone } from "../support/eas-phone.ts";
import { EasTrial } from "../support/eas-trial.ts";

const BY = { userId: "alice", sessionId: 7 };
/** The first code page of each command's elements (MS-ASWBXML §2.1.2.1), and its root. */
const ROOTS = {
  Sync: "AirSync:Sync",
  Ping: "Ping:Ping",
  FolderSync: "FolderHierarchy:FolderSync",
  FolderCreate: "FolderHierarchy:FolderCreate",
  FolderUpdate: "FolderHierarchy:FolderUpdate",
  FolderDelete: "FolderHierarchy:FolderDelete",
  GetItemEstimate: "GetItemEstimate:GetItemEstimate",
  MoveItems: "Move:MoveItems",
  SendMail: "ComposeMail:SendMail",
  SmartReply: "ComposeMail:SmartReply",
  SmartForward: "ComposeMail:SmartForward",
  ItemOperations: "ItemOperations:ItemOperations",
  Search: "Search:Search",
  Find: "Find:Find",
  Settings: "Settings:Settings",
  ResolveRecipients: "ResolveRecipients:ResolveRecipients",
  ValidateCert: "ValidateCert:ValidateCert",
  Provision: "Provision:Provision",
  MeetingResponse: "MeetingResponse:MeetingResponse",
} as const;
type CommandName = keyof typeof ROOTS;
const MAX_ANSWER_BYTES = 4 * 2 ** 20;

const knownTags = Array.from({ length: 26 * 64 }, (_, index) => ((index >> 6) << 8) | (index & 63)).filter(
  (tag) => nameOf(tag) !== undefined,
);
const shared = knownTags.filter((tag) => /^AirSync(Base)?:/.test(nameOf(tag) ?? ""));

type Step = { readonly tag: number } | { readonly text: string } | { readonly bytes: Uint8Array } | "end";

const text = fc.oneof(
  fc.constantFrom("0", "1", "2", "3", "-1", "99", "4294967296", "1e9", "NaN", "", " ", "*", "Mailbox", "GAL"),
  fc.constantFrom("1", "2", "3", "4", "5", "2:1", "2:2", "1:0", ":", "2:99999999999", "{0-1}", "0-99", "5-2"),
  fc.constantFrom("2026-01-01T00:00:00.000Z", "20260101T000000Z", "not-a-date", "x".repeat(5_000)),
  fc.string({ maxLength: 20 }),
);

function steps(command: CommandName): fc.Arbitrary<readonly Step[]> {
  const root = ROOTS[command];
  const page = root.slice(0, root.indexOf(":") + 1);
  const own = knownTags.filter((tag) => nameOf(tag)?.startsWith(page) === true);
  return fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...own).map((tag) => ({ tag })) },
      { weight: 2, arbitrary: fc.constantFrom(...shared).map((tag) => ({ tag })) },
      { weight: 1, arbitrary: fc.constantFrom(...knownTags).map((tag) => ({ tag })) },
      { weight: 5, arbitrary: text.map((one) => ({ text: one })) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 50 }).map((bytes) => ({ bytes })) },
      { weight: 6, arbitrary: fc.constant("end" as const) },
    ),
    { maxLength: 40 },
  );
}

/** Right requests: `name` opens an element, `name=text` is a whole one, `/` closes. */
const RIGHT: readonly (readonly [CommandName, string])[] = [
  [
    "Sync",
    "Collections Collection SyncKey=0 CollectionId=2 GetChanges= WindowSize=2 Options FilterType=3 / Commands Fetch ServerId=2:1",
  ],
  [
    "Sync",
    "Collections Collection SyncKey=0 CollectionId=2 / Collection SyncKey=0 CollectionId=3 / / HeartbeatInterval=60 WindowSize=1",
  ],
  [
    "Sync",
    "Collections Collection SyncKey=0 CollectionId=2 Options Conflict=1 MIMESupport=2 MIMETruncation=1 AirSyncBase:BodyPreference AirSyncBase:Type=4 AirSyncBase:TruncationSize=5",
  ],
  ["Ping", "HeartbeatInterval=60 Folders Folder Id=2 Class=Email / Folder Id=3 Class=Email"],
  ["FolderSync", "SyncKey=0"],
  ["FolderCreate", "SyncKey=1 ParentId=0 DisplayName=New Type=12"],
  ["FolderUpdate", "SyncKey=1 ServerId=2 ParentId=0 DisplayName=Other"],
  ["FolderDelete", "SyncKey=1 ServerId=2"],
  [
    "GetItemEstimate",
    "Collections Collection AirSync:SyncKey=1 CollectionId=2 AirSync:Options AirSync:FilterType=1",
  ],
  ["MoveItems", "Move SrcMsgId=2:1 SrcFldId=2 DstFldId=3 / Move SrcMsgId=2:9 SrcFldId=2 DstFldId=9"],
  ["SendMail", "ClientId=a SaveInSentItems= Mime=From:"],
  ["SmartReply", "ClientId=b Source FolderId=2 ItemId=2:1 / Mime=Subject: ReplaceMime="],
  [
    "ItemOperations",
    "Fetch Store=Mailbox AirSync:CollectionId=2 AirSync:ServerId=2:1 Options AirSyncBase:BodyPreference AirSyncBase:Type=2",
  ],
  ["ItemOperations", "EmptyFolderContents AirSync:CollectionId=4 Options DeleteSubFolders="],
  ["ItemOperations", "Fetch Store=Mailbox AirSyncBase:FileReference=2:1:1 Options Range=0-9"],
  ["ItemOperations", "Move ConversationId=abc DstFldId=3 Options MoveAlways="],
  [
    "Search",
    "Store Name=Mailbox Query And AirSync:Class=Email AirSync:CollectionId=2 FreeText=Hello / / Options Range=0-9 DeepTraversal= RebuildResults=",
  ],
  ["Search", "Store Name=GAL Query=a / Options Range=0-1 Picture MaxSize=1 MaxPictures=1"],
  [
    "Find",
    "SearchId=x ExecuteSearch MailBoxSearchCriterion Query AirSync:Class=Email FreeText=Hello / Options Range=0-4",
  ],
  ["Settings", "Oof Get BodyType=Text / / UserInformation Get"],
  [
    "Settings",
    "Oof Set OofState=2 StartTime=2026-01-01T00:00:00.000Z EndTime=x OofMessage AppliesToInternal= Enabled=1 ReplyMessage=Away",
  ],
  [
    "ResolveRecipients",
    "To=a To=b Options CertificateRetrieval=2 Availability StartTime=2026-01-01T00:00:00.000Z",
  ],
  ["ValidateCert", "Certificates Certificate=MIIB / CheckCRL=1"],
  ["Provision", "Policies Policy PolicyType=MS-EAS-Provisioning-WBXML PolicyKey=1 Status=1"],
  [
    "MeetingResponse",
    "Request UserResponse=1 CollectionId=2 RequestId=2:1 SendResponse AirSyncBase:Body AirSyncBase:Type=1 AirSyncBase:Data=x",
  ],
];

function stepsOf(command: CommandName, line: string): Step[] {
  const page = ROOTS[command].slice(0, ROOTS[command].indexOf(":") + 1);
  return line.split(" ").flatMap((word): Step[] => {
    if (word === "/") return ["end"];
    const [name = "", value] = word.split(/=(.*)/s);
    const tag = tagOf(name.includes(":") ? name : page + name);
    if (value === undefined) return [{ tag }];
    return value === "" ? [{ tag }, "end"] : [{ tag }, { text: value }];
  });
}

/** A right request with some steps left out, doubled, or with another text. */
const almostRight = fc
  .tuple(
    fc.constantFrom(...RIGHT),
    fc.array(fc.tuple(fc.nat(), fc.constantFrom("drop", "double", "text"), text), { maxLength: 3 }),
  )
  .map(([[command, line], edits]): [CommandName, readonly Step[]] => {
    const list = stepsOf(command, line);
    for (const [at, how, other] of edits) {
      const index = at % list.length;
      const step = list[index];
      if (step === undefined) continue;
      if (how === "drop") list.splice(index, 1);
      else if (how === "double") list.splice(index, 0, step);
      else if (typeof step === "object" && "text" in step) list[index] = { text: other };
    }
    return [command, list];
  });

/** An element closes after its text, so that most trees have the shape of a request. */
function write(writer: WbxmlWriter, command: CommandName, list: readonly Step[]): void {
  writer.start(tagOf(ROOTS[command]));
  let depth = 1;
  for (const step of list) {
    if (step === "end") {
      if (depth === 1) continue;
      writer.end();
      depth -= 1;
    } else if ("tag" in step) {
      if (depth > 20) continue;
      writer.start(step.tag);
      depth += 1;
    } else if (depth > 1) {
      if ("text" in step) writer.inline(step.text);
      else writer.opaque(step.bytes);
      writer.end();
      depth -= 1;
    }
  }
  for (; depth > 0; depth -= 1) writer.end();
}

const nonsense = fc
  .constantFrom(...(Object.keys(ROOTS) as CommandName[]))
  .chain((command) => fc.tuple(fc.constant(command), steps(command)));
const request = fc.tuple(
  fc.oneof(nonsense, { weight: 3, arbitrary: almostRight }),
  fc.constantFrom(...PROTOCOL_VERSIONS),
);

test("fuzz: whatever stands in a request, each command answers by the protocol, and the mailbox syncs on", async (t) => {
  const trial = await EasTrial.open();
  t.after(() => trial.close());
  const inbox = trial.store.mailboxes.get("user.alice");
  for (const number of [1, 2, 3]) {
    const body = trial.store.stageBuffer(Buffer.from(`Subject: ${number}\r\n\r\nHello ${number}\r\n`));
    await trial.store.append(inbox.id, [{ body, systemFlags: 0, keywords: [] }], BY);
    body.release();
  }
  const gateway = trial.gateway();
  const phone = new Phone(gateway);
  await phone.folderSync();
  await phone.syncAll(phone.idOf("Inbox"));
  await fc.assert(
    fc.asyncProperty(request, async ([[command, list], version]) => {
      try {
        const answer = await gateway.answer(command, (writer) => write(writer, command, list), {
          version,
          signal: AbortSignal.abort(),
          anySchema: true,
        });
        if (answer.kind === "wbxml") assert.ok(answer.bytes.length <= MAX_ANSWER_BYTES);
      } catch (error) {
        if (error instanceof EasRefusal || error instanceof AccountError) return;
        throw error;
      }
    }),
    { numRuns: 3_000, seed: 20_261_122 },
  );
  const bugs = trial.events.filter(({ level }) => level === "error");
  assert.deepEqual(bugs, []);
  const second = new Phone(gateway, 161, "PHONE2");
  await second.folderSync();
  const id = second.idOf("Inbox");
  await second.syncAll(id);
  assert.equal(second.collection(id).items.size, trial.store.mailboxes.get("user.alice").exists);
});
