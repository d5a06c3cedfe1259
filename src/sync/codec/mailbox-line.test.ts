import assert from "node:assert/strict";
import { test } from "node:test";
import { toModseq } from "../../base/numbers.ts";
import type { Mailbox } from "../../store/model.ts";
import { SyncFramer } from "./framer.ts";
import { readMailbox, specialUseOf, writeMailbox } from "./mailbox-line.ts";
import { DlistReader } from "./reader.ts";
import { readRecord, writeRecord } from "./record.ts";
import { DlistWriter } from "./writer.ts";

// Printed by a Cyrus 3.6.1 master.
const HEADER =
  '%(UNIQUEID g93dev216jn48i8z44av2c4k MBOXNAME user.u1.Drafts SYNC_CRC 1781001604 SYNC_CRC_ANNOT 871207649 LAST_UID 1 HIGHESTMODSEQ 5 RECENTUID 0 RECENTTIME 0 LAST_APPENDDATE 1795313601 POP3_LAST_LOGIN 0 POP3_SHOW_AFTER 0 UIDVALIDITY 1795313602 PARTITION default ACL "u1\tlrswipkxtecdan\tu3\tlrs\t" OPTIONS P QUOTAROOT user.u1 CREATEDMODSEQ 1 FOLDERMODSEQ 2 ANNOTATIONS (%(ENTRY /comment USERID "" MODSEQ 0 VALUE sc) %(ENTRY /specialuse USERID u1 MODSEQ 0 VALUE {7+}\r\n\\Drafts))';
const RECORDS = [
  '%(UID 1 MODSEQ 3 LAST_UPDATED 1795313601 FLAGS (\\Answered \\Seen NewKw $Label1) INTERNALDATE 1704067200 SIZE 50 GUID 8cd2f38fe0a2e016034159e5d2fe597ed4edd398 ANNOTATIONS (%(ENTRY /comment USERID u1 MODSEQ 5 VALUE "note one") %(ENTRY /vendor/cmu/cyrus-imapd/savedate USERID "" MODSEQ 0 VALUE 1795313601) %(ENTRY /vendor/cmu/cyrus-imapd/createdmodseq USERID "" MODSEQ 0 VALUE 3)))',
  "%(UID 2 MODSEQ 4 LAST_UPDATED 1795313602 FLAGS () INTERNALDATE 1 SIZE 2 GUID b3eedec09d4326558d4b3a842229856740ef2337)",
];
const LINE = `${HEADER} SINCE_MODSEQ 10 SINCE_CRC 7 SINCE_CRC_ANNOT 8 RECORD (${RECORDS.join(" ")}))`;

function lineOf(text: string): Buffer {
  const lines: Buffer[] = [];
  new SyncFramer({ line: (bytes) => void lines.push(bytes), file: () => assert.fail("no file") }).push(
    Buffer.from(`${text}\r\n`, "latin1"),
  );
  return lines[0]!;
}

test("MAILBOX and RECORD: what Cyrus printed is read and printed again to the byte", () => {
  const read = readMailbox(new DlistReader(lineOf(LINE)));
  assert.equal(read.name, "user.u1.Drafts");
  assert.deepEqual(read.since, { modseq: 10, crc: 7, crcAnnot: 8 });
  assert.deepEqual(read.options, ["pop3NewUidl"]);
  assert.deepEqual(specialUseOf(read.annotations), ["drafts"]);
  const records: ReturnType<typeof readRecord>[] = [];
  read.records!.list((item) => void records.push(readRecord(item)));
  assert.deepEqual(records[0]!.keywords, ["NewKw", "$Label1"]);
  assert.equal(records[0]!.saveDate, 1_795_313_601);
  assert.equal(records[0]!.annotations.length, 1);
  const mailbox: Mailbox = {
    ...read,
    id: 1,
    deletedModseq: toModseq(0),
    specialUse: specialUseOf(read.annotations),
    exists: 2,
    unseen: 1,
    flaggedDeleted: 0,
    sizeBytes: 52,
    keywords: [],
    createdAt: 0,
  };
  const writer = new DlistWriter("client");
  const annotations = read.annotations.filter(({ entry }) => entry !== "/specialuse");
  writeMailbox(writer, mailbox, annotations, (kv) => {
    kv.key("SINCE_MODSEQ").number(10).key("SINCE_CRC").number(7).key("SINCE_CRC_ANNOT").number(8);
    kv.key("RECORD").list((list) => {
      for (const record of records) writeRecord(list, record);
    });
  });
  assert.equal(Buffer.concat(writer.line()).toString("latin1"), `${LINE}\r\n`);
});
