/** What a client reads from FETCH responses, and flags as it keeps them. */
import { crc32 } from "node:zlib";
import type { Reader } from "./codec/reader.ts";
import { readValue } from "./codec/response.ts";
import { MAX_KEYWORD_CHARACTERS } from "./flags.ts";
import { SystemFlag } from "../store/model.ts";
import type { StagedBody } from "../store/port.ts";

export interface MessageFlags {
  /** OR of SystemFlag. */
  readonly system: number;
  /** As the source writes them, sorted, without doubles in another case. */
  readonly keywords: readonly string[];
  /** Equal for equal flags. */
  readonly hash: number;
}

/** What one FETCH response told; absent = not asked for, or kept back by the server. */
export interface FetchedValues {
  uid: number;
  flags: MessageFlags | undefined;
  internalDateText: string | undefined;
  /** RFC822.SIZE: servers are known to lie about it. */
  sizeBytes: number | undefined;
  modseq: number | undefined;
  body: Buffer | StagedBody | undefined;
  /** Fields of BODY[HEADER.FIELDS (…)] (RFC 9051 §6.4.5), with the empty line. */
  header: Buffer | undefined;
  /** X-GM-LABELS. */
  labels: readonly string[] | undefined;
  /** RFC 8474; undefined = not told. */
  emailId: string | undefined;
  threadId: string | undefined;
}

const SYSTEM_BITS: ReadonlyMap<string, number> = new Map([
  ["\\ANSWERED", SystemFlag.answered],
  ["\\FLAGGED", SystemFlag.flagged],
  ["\\DELETED", SystemFlag.deleted],
  ["\\SEEN", SystemFlag.seen],
  ["\\DRAFT", SystemFlag.draft],
]);
const SYSTEM_NAMES = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"];

/** Most messages have one of a few sets of flags. */
const known = new Map<string, MessageFlags>();
const MAX_KNOWN_SETS = 4096;

/** \Recent is the session's (RFC 3501 §2.3.2), other unknown system flags have no place at the target: both are left out. */
export function messageFlags(flags: readonly string[]): MessageFlags {
  const key = flags.join(" ");
  const found = known.get(key);
  if (found !== undefined) return found;
  let system = 0;
  const keywords = new Map<string, string>();
  for (const flag of flags) {
    if (flag.startsWith("\\")) system |= SYSTEM_BITS.get(flag.toUpperCase()) ?? 0;
    else if (flag.length <= MAX_KEYWORD_CHARACTERS) keywords.set(flag.toLowerCase(), flag);
  }
  const sorted = [...keywords].sort(([a], [b]) => (a < b ? -1 : 1));
  const made: MessageFlags = {
    system,
    keywords: sorted.map(([, keyword]) => keyword),
    hash: crc32(`${system} ${sorted.map(([lower]) => lower).join(" ")}`),
  };
  if (known.size >= MAX_KNOWN_SETS) known.clear();
  known.set(key, made);
  return made;
}

/** `\Seen $Forwarded`, without brackets. */
export function printFlags({ system, keywords }: MessageFlags): string {
  const names = SYSTEM_NAMES.filter((name) => system & (SYSTEM_BITS.get(name.toUpperCase()) ?? 0));
  return [...names, ...keywords].join(" ");
}

/** Behind `* n FETCH`. @throws ImapRefusal for what is no FETCH response */
export function readFetched(reader: Reader): FetchedValues {
  const values: FetchedValues = {
    uid: 0,
    flags: undefined,
    internalDateText: undefined,
    sizeBytes: undefined,
    modseq: undefined,
    body: undefined,
    header: undefined,
    labels: undefined,
    emailId: undefined,
    threadId: undefined,
  };
  reader.skip(" ");
  reader.expect("(");
  for (let first = true; !reader.skip(")"); first = false) {
    if (!first) reader.sp();
    readItem(reader, values);
  }
  return values;
}

function readItem(reader: Reader, values: FetchedValues): void {
  const name = reader.word();
  if (name === "BODY" && reader.skip("[")) {
    const section = reader.until("]");
    reader.expect("]").sp();
    if (section === "") values.body = readBody(reader);
    else if (/^HEADER/i.test(section)) values.header = readHeader(reader);
    else readValue(reader);
    return;
  }
  reader.sp();
  if (name === "UID") values.uid = reader.number();
  else if (name === "FLAGS") values.flags = messageFlags(reader.list((item) => item.flag()));
  else if (name === "INTERNALDATE") values.internalDateText = reader.string();
  else if (name === "RFC822.SIZE") values.sizeBytes = reader.number64();
  else if (name === "MODSEQ") {
    reader.expect("(");
    values.modseq = reader.number64();
    reader.expect(")");
  } else if (name === "X-GM-LABELS") {
    const labels = readValue(reader);
    values.labels = Array.isArray(labels) ? labels.map(String) : [];
  } else if (name === "EMAILID" || name === "THREADID") {
    const id = readValue(reader);
    const text = Array.isArray(id) && typeof id[0] === "string" ? id[0] : undefined;
    if (name === "EMAILID") values.emailId = text;
    else values.threadId = text;
  } else readValue(reader);
}

/** nstring of any kind; NIL = the server does not give it out. */
function readBody(reader: Reader): Buffer | StagedBody | undefined {
  if (reader.peekIs("{") || reader.peekIs("~")) return reader.body().body;
  return reader.nstringBytes();
}

function readHeader(reader: Reader): Buffer | undefined {
  const header = readBody(reader);
  return Buffer.isBuffer(header) ? header : undefined;
}
