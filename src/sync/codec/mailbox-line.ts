/**
 * MAILBOX lines: the header of a mailbox as the sync protocol sends it, in both directions (Cyrus 3.6.1, observed).
 * Keys are printed in Cyrus's order and read in any order; unknown ones are passed over.
 */
import { toModseq, type Modseq } from "../../base/numbers.ts";
import { parseAcl, printAcl } from "../../store/acl.ts";
import type { Acl, Mailbox, MailboxAnnotation, MailboxOption, MailboxType } from "../../store/model.ts";
import { userOf } from "../../store/names.ts";
import type { DlistReader } from "./reader.ts";
import type { DlistWriter } from "./writer.ts";

export type SyncAnnotation = Omit<MailboxAnnotation, "mailbox">;

/** State that a delta is based on: SINCE_MODSEQ, SINCE_CRC, SINCE_CRC_ANNOT. */
export interface SyncState {
  readonly modseq: Modseq;
  readonly crc: number;
  readonly crcAnnot: number;
}

/** Optional keys are undefined when they were not sent. */
export interface SyncMailbox {
  readonly uniqueId: string;
  readonly name: string;
  readonly type: MailboxType;
  readonly deleted: boolean;
  readonly intermediate: boolean;
  readonly syncCrc: number;
  readonly syncCrcAnnot: number;
  readonly lastUid: number;
  readonly highestModseq: Modseq;
  readonly recentUid: number;
  readonly recentTime: number;
  readonly lastAppendDate: number;
  readonly pop3LastLogin: number;
  readonly pop3ShowAfter: number;
  readonly xconvModseq: number;
  readonly raclModseq: number;
  readonly uidValidity: number;
  readonly partition: string;
  readonly acl: Acl;
  readonly options: readonly MailboxOption[];
  readonly quotaRoot: string | undefined;
  readonly createdModseq: Modseq;
  readonly folderModseq: Modseq;
  /** undefined = none were sent; the receiver then has to have none. */
  readonly annotations: readonly SyncAnnotation[];
  readonly since: SyncState | undefined;
  /** A reader at the RECORD list; undefined when there is none. */
  readonly records: DlistReader | undefined;
  /** Every key that was there. */
  readonly keys: ReadonlySet<string>;
}

const TYPE_LETTERS: Readonly<Record<MailboxType, string>> = {
  mail: "",
  sieve: "f",
  calendar: "c",
  addressbook: "a",
  collection: "b",
  news: "n",
};
const OPTION_LETTERS: Readonly<Record<MailboxOption, string>> = {
  pop3NewUidl: "P",
  sharedSeen: "S",
  duplicateDeliver: "D",
  hasAlarms: "A",
};
/** How special-use travels: a private annotation of the owner. */
export const SPECIAL_USE_ENTRY = "/specialuse";

/** Reads the kvlist that `reader` stands at. @throws SyncProtocolError */
export function readMailbox(reader: DlistReader): SyncMailbox {
  const numbers = new Map<string, number>();
  const texts = new Map<string, string>();
  const keys = new Set<string>();
  let annotations: readonly SyncAnnotation[] = [];
  let records: DlistReader | undefined;
  reader.kvlist((key, value) => {
    keys.add(key);
    if (key === "RECORD") {
      records = value.fork();
      value.skip();
    } else if (key === "ANNOTATIONS") annotations = readAnnotations(value);
    else if (NUMBER_KEYS.has(key)) numbers.set(key, value.number());
    else if (TEXT_KEYS.has(key)) texts.set(key, value.text());
    else value.skip();
  });
  const number = (key: string) => numbers.get(key) ?? 0;
  const text = (key: string) => texts.get(key) ?? "";
  const letters = text("MBOXTYPE");
  return {
    uniqueId: text("UNIQUEID"),
    name: text("MBOXNAME"),
    type: typeOfLetters(letters),
    deleted: letters.includes("d"),
    intermediate: letters.includes("i"),
    syncCrc: number("SYNC_CRC"),
    syncCrcAnnot: number("SYNC_CRC_ANNOT"),
    lastUid: number("LAST_UID"),
    highestModseq: toModseq(number("HIGHESTMODSEQ")),
    recentUid: number("RECENTUID"),
    recentTime: number("RECENTTIME"),
    lastAppendDate: number("LAST_APPENDDATE"),
    pop3LastLogin: number("POP3_LAST_LOGIN"),
    pop3ShowAfter: number("POP3_SHOW_AFTER"),
    xconvModseq: number("XCONVMODSEQ"),
    raclModseq: number("RACLMODSEQ"),
    uidValidity: number("UIDVALIDITY"),
    partition: text("PARTITION"),
    acl: parseAcl(text("ACL")),
    options: optionsOfLetters(text("OPTIONS")),
    quotaRoot: texts.get("QUOTAROOT"),
    createdModseq: toModseq(number("CREATEDMODSEQ")),
    folderModseq: toModseq(number("FOLDERMODSEQ")),
    annotations,
    since: keys.has("SINCE_MODSEQ")
      ? {
          modseq: toModseq(number("SINCE_MODSEQ")),
          crc: number("SINCE_CRC"),
          crcAnnot: number("SINCE_CRC_ANNOT"),
        }
      : undefined,
    records,
    keys,
  };
}

/** Prints the header keys of `mailbox`; `more` adds SINCE_* and RECORD inside the same brackets. */
export function writeMailbox(
  writer: DlistWriter,
  mailbox: Mailbox,
  annotations: readonly SyncAnnotation[],
  more: (writer: DlistWriter) => void = () => {},
): void {
  writer.kvlist((kv) => {
    kv.key("UNIQUEID").string(mailbox.uniqueId).key("MBOXNAME").string(mailbox.name);
    const type = TYPE_LETTERS[mailbox.type] + (mailbox.intermediate ? "i" : "");
    if (type !== "") kv.key("MBOXTYPE").string(type);
    if (!mailbox.intermediate) writeState(kv, mailbox);
    else kv.key("HIGHESTMODSEQ").number(mailbox.highestModseq);
    if (mailbox.createdModseq > 0) kv.key("CREATEDMODSEQ").number(mailbox.createdModseq);
    if (mailbox.folderModseq > 0) kv.key("FOLDERMODSEQ").number(mailbox.folderModseq);
    const all = [...annotations, ...specialUseAnnotations(mailbox)];
    if (all.length > 0) writeAnnotations(kv, all);
    more(kv);
  });
}

function writeState(kv: DlistWriter, mailbox: Mailbox): void {
  kv.key("SYNC_CRC").number(mailbox.syncCrc).key("SYNC_CRC_ANNOT").number(mailbox.syncCrcAnnot);
  kv.key("LAST_UID").number(mailbox.lastUid).key("HIGHESTMODSEQ").number(mailbox.highestModseq);
  kv.key("RECENTUID").number(mailbox.recentUid).key("RECENTTIME").number(mailbox.recentTime);
  kv.key("LAST_APPENDDATE").number(mailbox.lastAppendDate);
  kv.key("POP3_LAST_LOGIN").number(mailbox.pop3LastLogin);
  kv.key("POP3_SHOW_AFTER").number(mailbox.pop3ShowAfter);
  if (mailbox.xconvModseq > 0) kv.key("XCONVMODSEQ").number(mailbox.xconvModseq);
  if (mailbox.raclModseq > 0) kv.key("RACLMODSEQ").number(mailbox.raclModseq);
  kv.key("UIDVALIDITY").number(mailbox.uidValidity).key("PARTITION").string(mailbox.partition);
  kv.key("ACL").string(printAcl(mailbox.acl));
  kv.key("OPTIONS").string(mailbox.options.map((option) => OPTION_LETTERS[option]).join(""));
  if (mailbox.quotaRoot !== undefined) kv.key("QUOTAROOT").string(mailbox.quotaRoot);
}

/** ANNOTATIONS with its key, of a mailbox or of a message. */
export function writeAnnotations(kv: DlistWriter, annotations: readonly SyncAnnotation[]): void {
  kv.key("ANNOTATIONS").list((list) => {
    for (const { entry, userId, modseq, value } of annotations) {
      list.kvlist((item) => {
        item.key("ENTRY").string(entry).key("USERID").string(userId);
        item.key("MODSEQ").number(modseq).key("VALUE").string(value);
      });
    }
  });
}

export function readAnnotations(reader: DlistReader): SyncAnnotation[] {
  const annotations: SyncAnnotation[] = [];
  reader.list((item) => {
    let annotation: SyncAnnotation = { entry: "", userId: "", modseq: toModseq(0), value: Buffer.alloc(0) };
    item.kvlist((key, value) => {
      if (key === "ENTRY") annotation = { ...annotation, entry: value.text() };
      else if (key === "USERID") annotation = { ...annotation, userId: value.text() };
      else if (key === "MODSEQ") annotation = { ...annotation, modseq: toModseq(value.number()) };
      else if (key === "VALUE") annotation = { ...annotation, value: value.nbytes() ?? Buffer.alloc(0) };
      else value.skip();
    });
    annotations.push(annotation);
  });
  return annotations;
}

/** `\Drafts \Important` as names without backslash, lower case. */
export function specialUseOf(annotations: readonly SyncAnnotation[]): readonly string[] {
  const value = annotations.find((annotation) => annotation.entry === SPECIAL_USE_ENTRY)?.value;
  if (value === undefined) return [];
  return value
    .toString("utf8")
    .split(" ")
    .map((word) => word.replace(/^\\/, "").toLowerCase())
    .filter((word) => word !== "");
}

function specialUseAnnotations(mailbox: Mailbox): readonly SyncAnnotation[] {
  if (mailbox.specialUse.length === 0) return [];
  const words = mailbox.specialUse.map((use) => `\\${use.slice(0, 1).toUpperCase()}${use.slice(1)}`);
  return [
    {
      entry: SPECIAL_USE_ENTRY,
      userId: userOf(mailbox.name),
      modseq: toModseq(0),
      value: Buffer.from(words.join(" ")),
    },
  ];
}

/** MBOXTYPE's letters; mail has none. */
export function typeLetters(type: MailboxType): string {
  return TYPE_LETTERS[type];
}

export function typeOfLetters(letters: string): MailboxType {
  for (const [type, letter] of Object.entries(TYPE_LETTERS)) {
    if (letter !== "" && letters.includes(letter)) return type as MailboxType;
  }
  return "mail";
}

function optionsOfLetters(letters: string): readonly MailboxOption[] {
  return (Object.keys(OPTION_LETTERS) as MailboxOption[]).filter((option) =>
    letters.includes(OPTION_LETTERS[option]),
  );
}

const NUMBER_KEYS = new Set([
  "SYNC_CRC",
  "SYNC_CRC_ANNOT",
  "LAST_UID",
  "HIGHESTMODSEQ",
  "RECENTUID",
  "RECENTTIME",
  "LAST_APPENDDATE",
  "POP3_LAST_LOGIN",
  "POP3_SHOW_AFTER",
  "XCONVMODSEQ",
  "RACLMODSEQ",
  "UIDVALIDITY",
  "CREATEDMODSEQ",
  "FOLDERMODSEQ",
  "SINCE_MODSEQ",
  "SINCE_CRC",
  "SINCE_CRC_ANNOT",
]);
const TEXT_KEYS = new Set(["UNIQUEID", "MBOXNAME", "MBOXTYPE", "PARTITION", "ACL", "OPTIONS", "QUOTAROOT"]);
