import assert from "node:assert/strict";
import { test } from "node:test";
import { toModseq, toUid } from "../../base/numbers.ts";
import type { Mailbox, MessageRecord } from "../../store/model.ts";
import { writeMailbox } from "./mailbox-line.ts";
import { mailboxPieces } from "./mailbox-pieces.ts";
import { writeRecord } from "./record.ts";
import { DlistWriter } from "./writer.ts";

const MAILBOX: Mailbox = {
  id: 1,
  name: "user.alice.Büro",
  uniqueId: "8cd2f38fe0a2e016",
  type: "mail",
  intermediate: false,
  partition: "default",
  uidValidity: 5,
  lastUid: 9,
  highestModseq: toModseq(12),
  createdModseq: toModseq(1),
  folderModseq: toModseq(2),
  deletedModseq: toModseq(0),
  acl: [{ identifier: "alice", rights: "lrs" }],
  specialUse: [],
  options: [],
  quotaRoot: undefined,
  lastAppendDate: 0,
  recentUid: 0,
  recentTime: 0,
  pop3LastLogin: 0,
  pop3ShowAfter: 0,
  xconvModseq: 0,
  raclModseq: 0,
  syncCrc: 7,
  syncCrcAnnot: 8,
  exists: 3,
  unseen: 0,
  flaggedDeleted: 0,
  sizeBytes: 30,
  keywords: [],
  createdAt: 0,
};

function record(uid: number): MessageRecord {
  return {
    uid: toUid(uid),
    modseq: toModseq(uid),
    createdModseq: toModseq(1),
    lastUpdated: 1,
    internalDate: 1,
    sizeBytes: 10,
    guid: "0".repeat(40),
    systemFlags: 0,
    keywords: [],
    threadId: "",
    saveDate: 0,
    // A literal.
    annotations: [{ entry: "/comment", userId: "", modseq: toModseq(3), value: Buffer.from("ü\r\n)") }],
  };
}

function inPieces(groups: readonly (readonly MessageRecord[])[]): string {
  const head = { mailbox: MAILBOX, annotations: [] };
  return Buffer.concat([...mailboxPieces("client", ["APPLY", "MAILBOX"], head, groups)].flat()).toString();
}

test("mailbox pieces: however the records are grouped, it is the line that is printed at once", () => {
  const records = [1, 4, 9].map(record);
  const writer = new DlistWriter("client").raw("APPLY").raw("MAILBOX");
  writeMailbox(writer, MAILBOX, [], (kv) => {
    kv.key("RECORD").list((list) => {
      for (const each of records) writeRecord(list, each);
    });
  });
  const whole = Buffer.concat(writer.line()).toString();
  assert.equal(inPieces([records]), whole);
  assert.equal(inPieces(records.map((each) => [each])), whole);
  assert.equal(inPieces([[], records.slice(0, 2), [], records.slice(2), []]), whole);
  assert.match(inPieces([]), / RECORD \(\)\)\r\n$/);
});
