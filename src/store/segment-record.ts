/**
 * Segment files: records of message bodies, one after the other.
 *
 *   segments/<place>/<id>.seg = records of: magic · length u32 · crc32 u32 · GUID 20 bytes · `length` bytes
 *   magic "RKB1": the bytes are the body; "RKB2": they are the body in zstd (archive), the GUID is still the body's
 *
 * Little endian; length and crc32 are those of the bytes as they stand. A segment is read without the index by going
 * from header to header.
 */
import { promisify } from "node:util";
import { crc32, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";
import { StoreError } from "./errors.ts";

export const BODY_HEADER_BYTES = 32;
/** Folder of archived bodies, of whichever partition they are. */
export const ARCHIVE = "archive";

const PLAIN = 0x3142_4b52;
const PACKED = 0x3242_4b52;

export interface RecordHeader {
  readonly isPacked: boolean;
  /** Of the bytes that follow. */
  readonly length: number;
  readonly crc: number;
  readonly guid: Buffer;
}

/** Where a body is: a row of table bodies. */
export interface BodyPlace {
  readonly partition: string;
  readonly segment: number;
  /** Of the header. */
  readonly offset: number;
  /** Of the body itself. */
  readonly length: number;
  /** Bytes that it takes in zstd; 0 = it is not packed. */
  readonly packed: number;
}

export function encodeHeader(bytes: Uint8Array, guid: Buffer, isPacked = false): Buffer {
  const header = Buffer.allocUnsafe(BODY_HEADER_BYTES);
  header.writeUInt32LE(isPacked ? PACKED : PLAIN, 0);
  header.writeUInt32LE(bytes.length, 4);
  header.writeUInt32LE(crc32(bytes), 8);
  guid.copy(header, 12);
  return header;
}

/** Undefined when these bytes are no header. */
export function decodeHeader(header: Buffer): RecordHeader | undefined {
  if (header.length < BODY_HEADER_BYTES) return undefined;
  const magic = header.readUInt32LE(0);
  if (magic !== PLAIN && magic !== PACKED) return undefined;
  return {
    isPacked: magic === PACKED,
    length: header.readUInt32LE(4),
    crc: header.readUInt32LE(8),
    guid: header.subarray(12, BODY_HEADER_BYTES),
  };
}

export function segmentPath(folder: string, place: string, id: number): string {
  return `${folder}/segments/${place}/${id}.seg`;
}

/** Folder below segments/ that has the body. */
export function placeOf(body: Pick<BodyPlace, "partition" | "packed">): string {
  return body.packed > 0 ? ARCHIVE : body.partition;
}

/** Bytes that a body takes in its segment, without the header. */
export function storedBytes(body: Pick<BodyPlace, "length" | "packed">): number {
  return body.packed > 0 ? body.packed : body.length;
}

export function packBody(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes);
}

const decompress = promisify(zstdDecompress);

/** @throws StoreError disk_failed unless it gives exactly `length` bytes: a bad one cannot grow without bound */
export function unpackBody(packed: Buffer, length: number): Buffer {
  try {
    return whole(zstdDecompressSync(packed, bound(length)), length);
  } catch (error) {
    throw damaged(error);
  }
}

/** The same without blocking this thread. */
export async function unpackBodyLater(packed: Buffer, length: number): Promise<Buffer> {
  try {
    return whole(await decompress(packed, bound(length)), length);
  } catch (error) {
    throw damaged(error);
  }
}

/** zlib refuses a bound of 0. */
function bound(length: number): { maxOutputLength: number } {
  return { maxOutputLength: Math.max(1, length) };
}

function whole(bytes: Buffer, length: number): Buffer {
  if (bytes.length === length) return bytes;
  throw new StoreError("disk_failed", `an archived body has ${bytes.length} bytes instead of ${length}`);
}

function damaged(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  return new StoreError("disk_failed", "an archived body is damaged", { cause: error });
}
