/**
 * A device's collection as it is stored: the two newest keys, what was sent between them, and the cursor.
 *
 *     version · bytes (head as JSON) · bytes (batch) · bytes (cursor)
 *
 * The cursor is decoded when it is asked for: a request with the last key and no news never needs its UIDs.
 */
import { assert } from "../../base/assert.ts";
import type { BodyOptions } from "../item-class.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { Cursor } from "./cursor.ts";

const VERSION = 1;

export interface CollectionHead {
  readonly folderKey: string;
  readonly epoch: string;
  /** Class of its items: `Email`. */
  readonly itemClass: string;
  readonly currentKey: string;
  /** "" = none yet. */
  readonly previousKey: string;
  readonly filterType: number;
  /** 0 = the device wins, 1 = the server does. MS-ASCMD §2.2.3.37. */
  readonly conflict: number;
  readonly body: BodyOptions;
  /** Answers given to the device's commands with the previous key. */
  readonly responses: readonly GivenResponse[];
  /** For a quick look without the cursor. */
  readonly quiet: QuietMark | undefined;
  /** Program that left items out; undefined = nothing is left out. */
  readonly excludedBy: string | undefined;
}

/** Mailbox modseq and filter at which there was nothing left to tell. */
export interface QuietMark {
  readonly modseq: number;
  readonly since: number;
}

export interface GivenResponse {
  readonly command: "add" | "change" | "delete";
  /** ClientId of an Add, UID of the others. */
  readonly id: string;
  /** Of the command's data, so that another command on the same item is not taken for a repetition. */
  readonly digest: string;
  readonly status: number;
  /** Of an item that was added; 0 = none. */
  readonly uid: number;
}

/** Operations as they were sent, to be sent again. */
export interface Batch {
  readonly adds: readonly number[];
  readonly changes: readonly number[];
  readonly deletes: readonly number[];
  readonly softDeletes: readonly number[];
  readonly more: boolean;
}

export const NO_BATCH: Batch = { adds: [], changes: [], deletes: [], softDeletes: [], more: false };

export class CollectionRecord {
  readonly head: CollectionHead;
  readonly batch: Batch;
  #cursorBytes: Buffer | undefined;
  #cursor: Cursor | undefined;

  constructor(head: CollectionHead, batch: Batch, cursor: Cursor | Buffer) {
    this.head = head;
    this.batch = batch;
    if (cursor instanceof Cursor) this.#cursor = cursor;
    else this.#cursorBytes = cursor;
  }

  get cursor(): Cursor {
    if (this.#cursor === undefined) {
      assert(this.#cursorBytes !== undefined, "a record has a cursor");
      this.#cursor = Cursor.decode(this.#cursorBytes);
    }
    return this.#cursor;
  }

  /** A copy whose cursor can be moved without a trace. */
  copyOfCursor(): Cursor {
    return Cursor.decode(this.#cursorBytes ?? this.cursor.encode());
  }

  with(changes: Partial<CollectionHead>, batch: Batch = this.batch): CollectionRecord {
    return new CollectionRecord({ ...this.head, ...changes }, batch, this.#cursor ?? this.#cursorBytes!);
  }

  encode(): Buffer {
    const writer = new ByteWriter();
    writer.number(VERSION);
    writer.bytes(Buffer.from(JSON.stringify(this.head)));
    writer.bytes(encodeBatch(this.batch));
    writer.bytes(this.#cursor?.encode() ?? this.#cursorBytes!);
    return writer.finish();
  }

  /** Undefined for a form of another version: the device syncs from the start then. */
  static decode(bytes: Buffer): CollectionRecord | undefined {
    const reader = new ByteReader(bytes);
    if (reader.number() !== VERSION) return undefined;
    const head = JSON.parse(reader.bytes().toString("utf8")) as CollectionHead;
    const batch = decodeBatch(reader.bytes());
    return new CollectionRecord(head, batch, reader.bytes());
  }
}

function encodeBatch(batch: Batch): Buffer {
  const writer = new ByteWriter();
  writer.number(batch.more ? 1 : 0);
  for (const uids of [batch.adds, batch.changes, batch.deletes, batch.softDeletes]) {
    writer.number(uids.length);
    for (const uid of uids) writer.number(uid);
  }
  return writer.finish();
}

function decodeBatch(bytes: Buffer): Batch {
  const reader = new ByteReader(bytes);
  const more = reader.number() === 1;
  const uids = (): number[] => Array.from({ length: reader.number() }, () => reader.number());
  return { more, adds: uids(), changes: uids(), deletes: uids(), softDeletes: uids() };
}
