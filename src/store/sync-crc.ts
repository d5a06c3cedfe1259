/**
 * The two checksums of Cyrus's sync protocol (SYNC_CRC and SYNC_CRC_ANNOT, Cyrus 3.6.1, observed), kept by XOR:
 * adding and removing a record is the same operation. Unsigned 32 bits.
 *
 *   basic = XOR over live records of crc32("UID MODSEQ LAST_UPDATED (F) INTERNALDATE GUID"),
 *           F = XOR of crc32(lower-cased flag) over all flags of the record
 *   annot = 12345678 XOR over annotations of live records of crc32("UID ENTRY USERID VALUE")
 */
import { crc32 } from "node:zlib";
import { SystemFlag } from "./model.ts";

/** SYNC_CRC_ANNOT of an empty mailbox. */
export const EMPTY_ANNOT_CRC = 12_345_678;

export const SAVEDATE_ENTRY = "/vendor/cmu/cyrus-imapd/savedate";
export const CREATEDMODSEQ_ENTRY = "/vendor/cmu/cyrus-imapd/createdmodseq";
export const THRID_ENTRY = "/vendor/cmu/cyrus-imapd/thrid";

const TABLE = new Int32Array(256);
for (let i = 0; i < 256; i++) {
  let value = i;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1;
  TABLE[i] = value;
}

const FLAG_CRCS: readonly [number, number][] = [
  [SystemFlag.deleted, crc32("\\deleted")],
  [SystemFlag.answered, crc32("\\answered")],
  [SystemFlag.flagged, crc32("\\flagged")],
  [SystemFlag.draft, crc32("\\draft")],
  [SystemFlag.seen, crc32("\\seen")],
];
const SYSTEM_CRCS = new Int32Array(256);
for (let flags = 0; flags < 256; flags++) {
  for (const [bit, crc] of FLAG_CRCS) if (flags & bit) SYSTEM_CRCS[flags]! ^= crc;
}

export function systemFlagsCrc(flags: number): number {
  return SYSTEM_CRCS[flags & 255]!;
}

export function keywordCrc(keyword: string): number {
  return crc32(keyword.toLowerCase()) | 0;
}

// "UID MODSEQ LAST_UPDATED (F) INTERNALDATE GUID" is at most 10 + 16 + 10 + 12 + 17 + 40 bytes and blanks.
const scratch = new Uint8Array(256);

function putNumber(at: number, value: number): number {
  if (value > 0xffff_ffff || value < 0) {
    const text = String(value);
    for (let i = 0; i < text.length; i++) scratch[at + i] = text.charCodeAt(i);
    return at + text.length;
  }
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    scratch[i] = 48 + (rest - next * 10);
    rest = next;
  }
  return at + digits;
}

function putText(at: number, text: string): number {
  for (let i = 0; i < text.length; i++) scratch[at + i] = text.charCodeAt(i);
  return at + text.length;
}

function crcOfScratch(length: number): number {
  let crc = -1;
  for (let i = 0; i < length; i++) crc = TABLE[(crc ^ scratch[i]!) & 255]! ^ (crc >>> 8);
  return ~crc;
}

/** "UID MODSEQ LAST_UPDATED (F)": the part of a record's line that flag changes touch. */
function putHead(uid: number, modseq: number, lastUpdated: number, flags: number): number {
  let at = putNumber(0, uid);
  scratch[at++] = 32;
  at = putNumber(at, modseq);
  scratch[at++] = 32;
  at = putNumber(at, lastUpdated);
  scratch[at++] = 32;
  scratch[at++] = 40;
  at = putNumber(at, flags >>> 0);
  scratch[at++] = 41;
  return at;
}

const HEX = "0123456789abcdef";

/** CRC of a whole record; the GUID are the 20 bytes at `guidAt`. */
export function recordCrc(
  uid: number,
  modseq: number,
  lastUpdated: number,
  flags: number,
  internalDate: number,
  guids: Uint8Array,
  guidAt: number,
): number {
  let at = putHead(uid, modseq, lastUpdated, flags);
  scratch[at++] = 32;
  at = putNumber(at, internalDate);
  scratch[at++] = 32;
  for (let i = 0; i < 20; i++) {
    const byte = guids[guidAt + i]!;
    scratch[at++] = HEX.charCodeAt(byte >>> 4);
    scratch[at++] = HEX.charCodeAt(byte & 15);
  }
  return crcOfScratch(at);
}

/** " MODSEQ LAST_UPDATED (F)" of the last head: one change gives many messages the same. */
interface HeadTail {
  modseq: number;
  lastUpdated: number;
  flags: number;
  crc: number;
  length: number;
}
const newTail = (): HeadTail => ({ modseq: -1, lastUpdated: -1, flags: 0, crc: 0, length: 0 });
const TAILS = { old: newTail(), new: newTail() };

/** `which` = before or after a change: what neighbours have in common is remembered for each apart. */
export function headCrc(
  uid: number,
  modseq: number,
  lastUpdated: number,
  flags: number,
  which: keyof typeof TAILS,
): number {
  const tail = TAILS[which];
  if (tail.modseq !== modseq || tail.lastUpdated !== lastUpdated || tail.flags !== flags) {
    // Behind a UID of one digit.
    const length = putHead(0, modseq, lastUpdated, flags) - 1;
    scratch.copyWithin(0, 1, length + 1);
    Object.assign(tail, { modseq, lastUpdated, flags, crc: crcOfScratch(length), length });
  }
  return shift(crcOfScratch(putNumber(0, uid)), tail.length) ^ tail.crc;
}

/**
 * What a change from `oldHead` to `newHead` does to the mailbox's CRC. CRC-32 is linear, so the unchanged tail
 * " INTERNALDATE GUID" cancels out but for its length: crc(A ‖ T) ^ crc(B ‖ T) = shift(crc(A) ^ crc(B), |T|).
 */
export function headChange(oldHead: number, newHead: number, internalDate: number): number {
  return shift(oldHead ^ newHead, tailLength(internalDate));
}

function tailLength(internalDate: number): number {
  if (internalDate >= 1e9 && internalDate < 1e10) return 52;
  return 42 + String(internalDate).length;
}

const shiftTables = new Map<number, Int32Array>();

function shift(value: number, zeroBytes: number): number {
  let table = shiftTables.get(zeroBytes);
  if (table === undefined) shiftTables.set(zeroBytes, (table = makeShift(zeroBytes)));
  return (
    table[value & 255]! ^
    table[256 + ((value >>> 8) & 255)]! ^
    table[512 + ((value >>> 16) & 255)]! ^
    table[768 + (value >>> 24)]!
  );
}

/** Feeding zero bytes into the register is linear: one table of 256 for each byte of it. */
function makeShift(zeroBytes: number): Int32Array {
  const table = new Int32Array(1024);
  for (let byte = 0; byte < 4; byte++) {
    for (let value = 0; value < 256; value++) {
      let crc = value << (8 * byte);
      for (let i = 0; i < zeroBytes; i++) crc = TABLE[crc & 255]! ^ (crc >>> 8);
      table[byte * 256 + value] = crc;
    }
  }
  return table;
}

/** CRC of one annotation; `value` raw bytes. */
export function annotationCrc(uid: number, entry: string, userId: string, value: Uint8Array): number {
  return crc32(value, crc32(`${uid} ${entry} ${userId} `)) | 0;
}

function numberAnnotationCrc(uid: number, entry: string, value: string | number): number {
  let at = putNumber(0, uid);
  scratch[at++] = 32;
  at = putText(at, entry);
  scratch[at++] = 32;
  scratch[at++] = 32;
  at = typeof value === "number" ? putNumber(at, value) : putText(at, value);
  return crcOfScratch(at);
}

/** The pseudo annotations that Cyrus counts: save date, created modseq and thread id, each only when set. */
export function pseudoAnnotationsCrc(
  uid: number,
  saveDate: number,
  createdModseq: number,
  threadId: string,
): number {
  let crc = 0;
  if (saveDate !== 0) crc ^= numberAnnotationCrc(uid, SAVEDATE_ENTRY, saveDate);
  if (createdModseq !== 0) crc ^= numberAnnotationCrc(uid, CREATEDMODSEQ_ENTRY, createdModseq);
  // Printed as plain %llx there: without leading zeros.
  if (threadId !== "") crc ^= numberAnnotationCrc(uid, THRID_ENTRY, threadId.replace(/^0+(?=.)/, ""));
  return crc;
}
