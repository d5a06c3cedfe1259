/**
 * What happened to one message, and how many of them lie in one row of the database.
 *
 * A row holds up to `RECORDS_A_CHUNK` records of one folder in ascending order of their UIDs, 44 bytes each, big endian:
 *
 *     uid:4 targetUid:4 sizeBytes:6 outcome:1 reserved:1 internalDate:4 flagsHash:4 guid:20
 *
 * A row for each message would cost a million mailboxes four times the room and a copy its speed.
 */
import { assert } from "../../base/assert.ts";

/** Never renumbered: they stand in databases. */
const OUTCOMES = ["", "saved", "already", "skipped", "missing", "deleted"] as const;

/**
 * `saved`: stored at the target by us. `already`: was there. `skipped`: cannot be stored, the remark says why.
 * `missing`: the source lists it but does not give it out. `deleted`: went at the source after it was recorded.
 */
export type Outcome = "saved" | "already" | "skipped" | "missing" | "deleted";

export interface LedgerRecord {
  readonly uid: number;
  /** 0 = not there, or the target does not tell its UIDs. */
  readonly targetUid: number;
  readonly sizeBytes: number;
  readonly outcome: Outcome;
  /** Seconds since 1970; 0 = not known. */
  readonly internalDate: number;
  /** Of the source's flags when they were last carried over: tells who changed them since. */
  readonly flagsHash: number;
  /** SHA-1 of the bytes as they came from the source, 40 hex digits; "" = never seen. */
  readonly guid: string;
}

export const RECORDS_A_CHUNK = 512;
const RECORD_BYTES = 44;
const NO_GUID = "0".repeat(40);

export function encodeChunk(records: readonly LedgerRecord[]): Buffer {
  assert(records.length <= RECORDS_A_CHUNK, `${records.length} records in one chunk`);
  const bytes = Buffer.allocUnsafe(records.length * RECORD_BYTES);
  let at = 0;
  for (const record of records) {
    bytes.writeUInt32BE(record.uid, at);
    bytes.writeUInt32BE(record.targetUid, at + 4);
    bytes.writeUIntBE(record.sizeBytes, at + 8, 6);
    bytes.writeUInt8(OUTCOMES.indexOf(record.outcome), at + 14);
    bytes.writeUInt8(0, at + 15);
    bytes.writeUInt32BE(Math.max(0, record.internalDate), at + 16);
    bytes.writeUInt32BE(record.flagsHash, at + 20);
    bytes.write(record.guid === "" ? NO_GUID : record.guid, at + 24, 20, "hex");
    at += RECORD_BYTES;
  }
  return bytes;
}

export function decodeChunk(bytes: Buffer): LedgerRecord[] {
  assert(bytes.length % RECORD_BYTES === 0, "a chunk of the ledger is cut off");
  const records: LedgerRecord[] = [];
  for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
    const outcome = OUTCOMES[bytes.readUInt8(at + 14)];
    assert(outcome !== undefined && outcome !== "", "a chunk of the ledger has an unknown outcome");
    const guid = bytes.toString("hex", at + 24, at + 44);
    records.push({
      uid: bytes.readUInt32BE(at),
      targetUid: bytes.readUInt32BE(at + 4),
      sizeBytes: bytes.readUIntBE(at + 8, 6),
      outcome,
      internalDate: bytes.readUInt32BE(at + 16),
      flagsHash: bytes.readUInt32BE(at + 20),
      guid: guid === NO_GUID ? "" : guid,
    });
  }
  return records;
}

/** The target has it. */
export function isStored({ outcome }: Pick<LedgerRecord, "outcome">): boolean {
  return outcome === "saved" || outcome === "already";
}
