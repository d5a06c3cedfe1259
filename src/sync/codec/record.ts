/**
 * RECORD elements: a message in a mailbox (Cyrus 3.6.1, observed).
 *
 *     %(UID n MODSEQ n LAST_UPDATED t FLAGS (flag …) INTERNALDATE t SIZE n GUID g [ANNOTATIONS (…)])
 *
 * Save date, created modseq and thread id travel as annotations with USERID "" and MODSEQ 0.
 */
import { MAX_UINT32, toModseq, toUid } from "../../base/numbers.ts";
import { SystemFlag, type MessageAnnotation, type MessageRecord } from "../../store/model.ts";
import { CREATEDMODSEQ_ENTRY, SAVEDATE_ENTRY, THRID_ENTRY } from "../../store/sync-crc.ts";
import { readAnnotations, writeAnnotations, type SyncAnnotation } from "./mailbox-line.ts";
import { SyncProtocolError } from "./errors.ts";
import type { DlistReader } from "./reader.ts";
import type { DlistWriter } from "./writer.ts";

/** In the order Cyrus prints them. */
const SYSTEM_FLAGS: readonly (readonly [number, string])[] = [
  [SystemFlag.deleted, "\\Deleted"],
  [SystemFlag.answered, "\\Answered"],
  [SystemFlag.flagged, "\\Flagged"],
  [SystemFlag.draft, "\\Draft"],
  [SystemFlag.expunged, "\\Expunged"],
  [SystemFlag.seen, "\\Seen"],
];
const FLAG_BITS = new Map(SYSTEM_FLAGS.map(([bit, name]) => [name.toLowerCase(), bit]));

export function writeRecord(writer: DlistWriter, record: MessageRecord): void {
  writer.kvlist((kv) => {
    kv.key("UID").number(record.uid).key("MODSEQ").number(record.modseq);
    kv.key("LAST_UPDATED").number(record.lastUpdated);
    kv.key("FLAGS").flags(flagNames(record.systemFlags, record.keywords));
    kv.key("INTERNALDATE").number(record.internalDate).key("SIZE").number(record.sizeBytes);
    kv.key("GUID").raw(record.guid);
    const annotations = [...record.annotations, ...pseudoAnnotations(record)];
    if (annotations.length > 0) writeAnnotations(kv, annotations);
  });
}

/** Reads one element. @throws SyncProtocolError */
export function readRecord(reader: DlistReader): MessageRecord {
  const numbers = new Map<string, number>();
  let flags: Flags = { systemFlags: 0, keywords: [] };
  let guid = "";
  let annotations: readonly SyncAnnotation[] = [];
  reader.kvlist((key, value) => {
    if (key === "FLAGS") flags = readFlags(value);
    else if (key === "GUID") guid = value.text().toLowerCase();
    else if (key === "ANNOTATIONS") annotations = readAnnotations(value);
    else if (NUMBER_KEYS.has(key)) numbers.set(key, value.number());
    else value.skip();
  });
  const number = (key: string) => numbers.get(key) ?? 0;
  const modseq = toModseq(number("MODSEQ"));
  const uid = number("UID");
  if (uid < 1 || uid > MAX_UINT32) throw new SyncProtocolError(`UID ${uid} is out of range`);
  if (!/^[0-9a-f]{40}$/.test(guid)) throw new SyncProtocolError(`GUID "${guid}" is not 40 hex digits`);
  return {
    uid: toUid(uid),
    modseq,
    lastUpdated: number("LAST_UPDATED"),
    internalDate: number("INTERNALDATE"),
    sizeBytes: number("SIZE"),
    guid,
    ...flags,
    ...splitAnnotations(annotations),
  };
}

/** Same flags, dates and annotations; UID, modseq and GUID are not looked at. */
export function sameContent(a: MessageRecord, b: MessageRecord): boolean {
  return (
    a.systemFlags === b.systemFlags &&
    a.lastUpdated === b.lastUpdated &&
    a.internalDate === b.internalDate &&
    flagsText(a) === flagsText(b) &&
    annotationsText(a) === annotationsText(b)
  );
}

function flagsText({ keywords }: MessageRecord): string {
  return keywords
    .map((keyword) => keyword.toLowerCase())
    .toSorted()
    .join(" ");
}

function annotationsText(record: MessageRecord): string {
  return [...record.annotations, ...pseudoAnnotations(record)]
    .map(({ entry, userId, value }) => `${entry}\0${userId}\0${value.toString("latin1")}`)
    .toSorted()
    .join("\n");
}

export function flagNames(systemFlags: number, keywords: readonly string[]): readonly string[] {
  const names = SYSTEM_FLAGS.filter(([bit]) => (systemFlags & bit) !== 0).map(([, name]) => name);
  return keywords.length === 0 ? names : [...names, ...keywords];
}

export interface Flags {
  readonly systemFlags: number;
  readonly keywords: readonly string[];
}

/** `(\\Answered kw)`; system flags in any case. */
export function readFlags(reader: DlistReader): Flags {
  let systemFlags = 0;
  const keywords: string[] = [];
  reader.list((item) => {
    const name = item.text();
    const bit = FLAG_BITS.get(name.toLowerCase());
    if (bit === undefined) keywords.push(name);
    else systemFlags |= bit;
  });
  return { systemFlags, keywords };
}

function pseudoAnnotations(record: MessageRecord): readonly SyncAnnotation[] {
  const list: SyncAnnotation[] = [];
  const add = (entry: string, value: string) =>
    list.push({ entry, userId: "", modseq: toModseq(0), value: Buffer.from(value) });
  if (record.saveDate > 0) add(SAVEDATE_ENTRY, String(record.saveDate));
  if (record.createdModseq > 0) add(CREATEDMODSEQ_ENTRY, String(record.createdModseq));
  if (record.threadId !== "") add(THRID_ENTRY, record.threadId);
  return list;
}

function splitAnnotations(
  annotations: readonly SyncAnnotation[],
): Pick<MessageRecord, "annotations" | "saveDate" | "createdModseq" | "threadId"> {
  const pseudo = (entry: string) =>
    annotations
      .find((annotation) => annotation.entry === entry && annotation.userId === "")
      ?.value.toString("utf8");
  const real: readonly MessageAnnotation[] = annotations.filter(({ entry }) => !PSEUDO.has(entry));
  return {
    annotations: real,
    saveDate: wholeNumber(pseudo(SAVEDATE_ENTRY)),
    createdModseq: toModseq(wholeNumber(pseudo(CREATEDMODSEQ_ENTRY))),
    threadId: pseudo(THRID_ENTRY)?.padStart(16, "0") ?? "",
  };
}

function wholeNumber(text: string | undefined): number {
  const value = Number(text ?? 0);
  if (!Number.isSafeInteger(value) || value < 0) throw new SyncProtocolError(`"${text}" is not a number`);
  return value;
}

const PSEUDO = new Set([SAVEDATE_ENTRY, CREATEDMODSEQ_ENTRY, THRID_ENTRY]);
const NUMBER_KEYS = new Set(["UID", "MODSEQ", "LAST_UPDATED", "INTERNALDATE", "SIZE"]);
