/**
 * What a device knows of a collection: which UIDs, and up to which change. No row an item.
 *
 * - Changes are handled in order of (modseq, uid); `position` is the last one. What the device itself did after it, and
 *   items that were sent as they were after it, stand in `exceptions` with the modseq that they had.
 * - `complete`: every item that the filter lets in was sent or is ahead of `position`. Until then what is missing is found
 *   by comparing the UIDs.
 * - Without CONDSTORE (modseq 0) the flags of known items are kept instead: four bits an item, and 24 more of those few
 *   that have categories.
 */
import type { ItemState } from "../account/port.ts";
import { SystemFlag } from "../../store/model.ts";
import { MAX_UINT32 } from "../../base/numbers.ts";
import { categoriesOf } from "../mail/categories.ts";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { UidSet } from "./uid-set.ts";

const COMPLETE = 1;
const HAS_FLAGS = 2;
const AGEING = 4;
const HAS_CATEGORIES = 8;
/** Of `flagBits`: system flags below, the digest of categories above. */
const SYSTEM_BITS = 4;
const SYSTEM_MASK = (1 << SYSTEM_BITS) - 1;
const DIGEST_MASK = 0xff_ff_ff;

export interface Position {
  readonly modseq: number;
  readonly uid: number;
}

export class Cursor {
  /** Seconds: the filter as it was last applied; 0 = all. */
  since: number;
  position: Position;
  /** Expunges up to this modseq were handled. */
  vanishedModseq: number;
  complete = false;
  /** The device may still have items that `since` keeps out. */
  ageing = false;
  known: UidSet;
  /** Items that cannot be shown, kept out. */
  excluded: UidSet;
  readonly exceptions: Map<number, number>;
  /** UID → `flagBits`; only where the server has no CONDSTORE. */
  readonly flags: Map<number, number> | undefined;

  constructor(values: {
    since: number;
    position: Position;
    vanishedModseq: number;
    known?: UidSet;
    excluded?: UidSet;
    exceptions?: Map<number, number>;
    flags?: Map<number, number> | undefined;
  }) {
    this.since = values.since;
    this.position = values.position;
    this.vanishedModseq = values.vanishedModseq;
    this.known = values.known ?? new UidSet();
    this.excluded = values.excluded ?? new UidSet();
    this.exceptions = values.exceptions ?? new Map<number, number>();
    this.flags = values.flags;
  }

  /** Of a device that has nothing yet. */
  static start(highestModseq: number, since: number): Cursor {
    return new Cursor({
      since,
      position: { modseq: highestModseq, uid: MAX_UINT32 },
      vanishedModseq: highestModseq,
      flags: highestModseq === 0 ? new Map<number, number>() : undefined,
    });
  }

  /** The device has the item as it is in `state`. */
  sent(state: ItemState): void {
    this.known.add(state.uid);
    if (this.flags !== undefined) this.flags.set(state.uid, flagBits(state));
    else this.saw(state.uid, state.modseq);
  }

  /** The device knows what the item became with this modseq. */
  saw(uid: number, modseq: number): void {
    if (this.isPast(uid, modseq)) this.exceptions.delete(uid);
    else this.exceptions.set(uid, modseq);
  }

  /** Whether the device has all changes of the item up to this modseq. */
  isPast(uid: number, modseq: number): boolean {
    const { position } = this;
    return modseq < position.modseq || (modseq === position.modseq && uid <= position.uid);
  }

  knowsChange({ uid, modseq }: Pick<ItemState, "uid" | "modseq">): boolean {
    return this.isPast(uid, modseq) || this.exceptions.get(uid) === modseq;
  }

  /** The device has it no more. */
  gone(uid: number): void {
    this.known.remove(uid);
    this.excluded.remove(uid);
    this.exceptions.delete(uid);
    this.flags?.delete(uid);
  }

  /** Everything up to here was handled. */
  advance(position: Position): void {
    this.position = position;
    for (const [uid, modseq] of this.exceptions) if (this.isPast(uid, modseq)) this.exceptions.delete(uid);
  }

  /** Bad items: left out, and asked about no more. */
  exclude(uid: number): void {
    this.gone(uid);
    this.excluded.add(uid);
  }

  /** What was left out is asked about once more. */
  readmit(): void {
    this.excluded = new UidSet();
    this.complete = false;
  }

  encode(): Buffer {
    const writer = new ByteWriter();
    writer.number(this.since);
    writer.number(this.position.modseq);
    writer.number(this.position.uid);
    writer.number(this.vanishedModseq);
    const categories = this.flags === undefined ? [] : withCategories(this.known, this.flags);
    writer.number(
      (this.complete ? COMPLETE : 0) |
        (this.flags === undefined ? 0 : HAS_FLAGS) |
        (this.ageing ? AGEING : 0) |
        (categories.length > 0 ? HAS_CATEGORIES : 0),
    );
    this.known.encode(writer);
    this.excluded.encode(writer);
    writer.number(this.exceptions.size);
    for (const [uid, modseq] of this.exceptions) {
      writer.number(uid);
      writer.number(modseq);
    }
    if (this.flags !== undefined) writer.bytes(packFlags(this.known, this.flags));
    if (categories.length > 0) {
      writer.number(categories.length);
      let last = 0;
      for (const [uid, digest] of categories) {
        writer.number(uid - last);
        writer.number(digest);
        last = uid;
      }
    }
    return writer.finish();
  }

  static decode(bytes: Buffer): Cursor {
    const reader = new ByteReader(bytes);
    const since = reader.number();
    const position = { modseq: reader.number(), uid: reader.number() };
    const vanishedModseq = reader.number();
    const bits = reader.number();
    const known = UidSet.decode(reader);
    const excluded = UidSet.decode(reader);
    const exceptions = new Map<number, number>();
    for (let left = reader.number(); left > 0; left--) exceptions.set(reader.number(), reader.number());
    const flags = bits & HAS_FLAGS ? unpackFlags(known, reader.bytes()) : undefined;
    if (flags !== undefined && bits & HAS_CATEGORIES) {
      let uid = 0;
      for (let left = reader.number(); left > 0; left--) {
        uid += reader.number();
        flags.set(uid, (flags.get(uid) ?? 0) | (reader.number() << SYSTEM_BITS));
      }
    }
    const cursor = new Cursor({ since, position, vanishedModseq, known, excluded, exceptions, flags });
    cursor.complete = (bits & COMPLETE) !== 0;
    cursor.ageing = (bits & AGEING) !== 0;
    return cursor;
  }
}

/** What of an item's flags devices see: four bits, and above them a digest of its categories, 0 without any. */
export function flagBits({ systemFlags, keywords }: Pick<ItemState, "systemFlags" | "keywords">): number {
  const isForwarded = keywords.some((keyword) => keyword.toLowerCase() === "$forwarded");
  return (
    (systemFlags & SystemFlag.seen ? 1 : 0) |
    (systemFlags & SystemFlag.flagged ? 2 : 0) |
    (systemFlags & SystemFlag.answered ? 4 : 0) |
    (isForwarded ? 8 : 0) |
    (categoryDigest(keywords) << SYSTEM_BITS)
  );
}

/** FNV-1a over the sorted names, cut to 24 bits; their case means nothing (RFC 9051 §2.3.2). */
function categoryDigest(keywords: readonly string[]): number {
  if (keywords.length === 0) return 0;
  const names = categoriesOf(keywords);
  if (names.length === 0) return 0;
  let hash = 0x81_1c_9d_c5;
  for (const byte of Buffer.from(
    names
      .map((name) => name.toLowerCase())
      .sort()
      .join("\0"),
  )) {
    hash = Math.imul(hash ^ byte, 0x01_00_01_93);
  }
  return ((hash >>> 8) ^ hash) & DIGEST_MASK || 1;
}

/** UID and digest of the items that have categories, ascending. */
function withCategories(known: UidSet, flags: ReadonlyMap<number, number>): [uid: number, digest: number][] {
  const found: [number, number][] = [];
  for (const uid of known) {
    const digest = (flags.get(uid) ?? 0) >>> SYSTEM_BITS;
    if (digest !== 0) found.push([uid, digest]);
  }
  return found;
}

/** Two items a byte, in order of the UIDs. */
function packFlags(known: UidSet, flags: ReadonlyMap<number, number>): Buffer {
  const packed = Buffer.alloc((known.count + 1) >>> 1);
  let at = 0;
  for (const uid of known) {
    packed[at >>> 1]! |= ((flags.get(uid) ?? 0) & SYSTEM_MASK) << (at & 1 ? 4 : 0);
    at++;
  }
  return packed;
}

function unpackFlags(known: UidSet, packed: Buffer): Map<number, number> {
  const flags = new Map<number, number>();
  let at = 0;
  for (const uid of known) {
    flags.set(uid, (packed[at >>> 1]! >>> (at & 1 ? 4 : 0)) & 15);
    at++;
  }
  return flags;
}
