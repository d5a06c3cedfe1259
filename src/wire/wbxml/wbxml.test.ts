import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nameOf, namespaces, tagOf } from "./code-pages.ts";
import { WbxmlError, WbxmlReader } from "./reader.ts";
import { WbxmlWriter } from "./writer.ts";

test("code pages: tokens of MS-ASWBXML at the ends and around the gaps of each page", () => {
  const table: [string, number, number][] = [
    ["AirSync:Sync", 0, 0x05],
    ["AirSync:CollectionId", 0, 0x12],
    ["AirSync:Supported", 0, 0x20],
    ["AirSync:HeartbeatInterval", 0, 0x29],
    ["Contacts:Picture", 1, 0x3c],
    ["Contacts:WeightedRank", 1, 0x3e],
    ["Email:Body", 2, 0x0c],
    ["Email:DisallowNewTimeProposal", 2, 0x3f],
    ["Calendar:DtStamp", 4, 0x11],
    ["Calendar:AttendeeType", 4, 0x2a],
    ["Calendar:DisallowNewTimeProposal", 4, 0x33],
    ["Calendar:ClientUid", 4, 0x3c],
    ["Move:DstMsgId", 5, 0x0c],
    ["GetItemEstimate:Status", 6, 0x0e],
    ["FolderHierarchy:Changes", 7, 0x0e],
    ["FolderHierarchy:Count", 7, 0x17],
    ["MeetingResponse:InstanceId", 8, 0x0e],
    ["MeetingResponse:SendResponse", 8, 0x12],
    ["Tasks:Subject", 9, 0x20],
    ["Tasks:FirstDayOfWeek", 9, 0x26],
    ["ResolveRecipients:MaxPictures", 10, 0x1d],
    ["ValidateCert:Status", 11, 0x0a],
    ["Contacts2:MMS", 12, 0x0e],
    ["Ping:MaxFolders", 13, 0x0d],
    ["Provision:AttachmentsEnabled", 14, 0x13],
    ["Provision:AccountOnlyRemoteWipe", 14, 0x3b],
    ["Search:Store", 15, 0x07],
    ["Search:DeepTraversal", 15, 0x17],
    ["Search:UserName", 15, 0x1e],
    ["Search:MaxPictures", 15, 0x23],
    ["GAL:Data", 16, 0x12],
    ["AirSyncBase:Body", 17, 0x0a],
    ["AirSyncBase:InstanceId", 17, 0x2d],
    ["Settings:RightsManagementInformation", 18, 0x2b],
    ["DocumentLibrary:ContentType", 19, 0x0c],
    ["ItemOperations:MoveAlways", 20, 0x19],
    ["ComposeMail:Source", 21, 0x0b],
    ["ComposeMail:Email", 21, 0x18],
    ["Email2:MeetingMessageType", 22, 0x13],
    ["Email2:Send", 22, 0x17],
    ["Notes:Category", 23, 0x09],
    ["RightsManagement:RemoveRightsManagementProtection", 24, 0x18],
    ["Find:Response", 25, 0x11],
    ["Find:Picture", 25, 0x1c],
  ];
  for (const [name, page, token] of table) assert.equal(tagOf(name), (page << 8) | token, name);
  assert.equal(namespaces.size, 25);
  assert.throws(() => tagOf("AirSync:Nothing"));
});

test("writer: the bytes of a small Sync response", () => {
  const writer = new WbxmlWriter();
  writer.start(tagOf("AirSync:Sync")).text(tagOf("AirSync:Status"), 1);
  writer.text(tagOf("AirSyncBase:Type"), "").empty(tagOf("AirSync:MoreAvailable")).end();
  assert.equal(writer.finish().toString("hex"), "03016a00454e0331000100110600001401");
});

interface Node {
  tag: number;
  content: (Node | string | Buffer)[];
}

function write(writer: WbxmlWriter, node: Node): void {
  if (node.content.length === 0) {
    writer.empty(node.tag);
    return;
  }
  writer.start(node.tag);
  for (const item of node.content) {
    if (typeof item === "string") writer.inline(item);
    else if (Buffer.isBuffer(item)) writer.opaque(item);
    else write(writer, item);
  }
  writer.end();
}

function read(reader: WbxmlReader): Node[] {
  const stack: Node[] = [{ tag: 0, content: [] }];
  for (let event = reader.next(); event !== undefined; event = reader.next()) {
    const top = stack.at(-1)!;
    if (event.kind === "end") stack.pop();
    else if (event.kind === "text") top.content.push(event.bytes.toString("utf8"));
    else if (event.kind === "opaque") top.content.push(Buffer.from(event.bytes));
    else {
      const node: Node = { tag: event.tag, content: [] };
      top.content.push(node);
      if (!event.empty) stack.push(node);
    }
  }
  return stack[0]!.content as Node[];
}

const tags = Array.from({ length: 26 << 8 }, (_, tag) => tag).filter((tag) => nameOf(tag) !== undefined);
const { node } = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.record(
    {
      tag: fc.constantFrom(...tags),
      content: fc.array(
        fc.oneof(
          { maxDepth: 4 },
          fc.string({ unit: "grapheme" }),
          fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
          tie("node"),
        ),
        { maxLength: 4 },
      ),
    },
    { noNullPrototype: true },
  ),
}));

test("read(write(v)) = v", () => {
  fc.assert(
    fc.property(node, (tree) => {
      const writer = new WbxmlWriter();
      write(writer, tree);
      assert.deepEqual(read(new WbxmlReader(writer.finish())), [tree]);
    }),
  );
});

test("writer: characters that XML does not allow are left out; rewind drops a half-written item", () => {
  const writer = new WbxmlWriter();
  writer.start(tagOf("Email:Subject"));
  const mark = writer.mark();
  writer.start(tagOf("Find:Find")).inline("bad");
  writer.rewind(mark);
  writer.inline("a\0b\x1bc\td\ufffe").end();
  assert.deepEqual(read(new WbxmlReader(writer.finish())), [
    { tag: tagOf("Email:Subject"), content: ["abc\td"] },
  ]);
});

test("reader: hostile bytes end in WbxmlError and nothing else", () => {
  const byte = fc.oneof(fc.constantFrom(0, 1, 3, 0x45, 0x05, 0xc3, 0x83, 0xff, 17), fc.nat(255));
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 80 }), (bytes) => {
      try {
        read(new WbxmlReader(Buffer.from([3, 1, 0x6a, 0, ...bytes])));
      } catch (error) {
        assert.ok(error instanceof WbxmlError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
  const deep = Buffer.concat([Buffer.from([3, 1, 0x6a, 0]), Buffer.alloc(1_000_000, 0x45)]);
  assert.throws(() => read(new WbxmlReader(deep)), WbxmlError);
});
