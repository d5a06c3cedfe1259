/** Every body is where the index says, has its SHA-1, and its summary is what parsing it gives. */
import { createHash } from "node:crypto";
import type { Disk, DiskFile } from "../../../base/io/disk.ts";
import { Lru } from "../../../base/lru.ts";
import { encodeSummary } from "../../../mime/summary-codec.ts";
import { summarize } from "../../../mime/summarize.ts";
import { StoreError } from "../../errors.ts";
import type { MailboxId, MailboxName } from "../../model.ts";
import type { ReadIndex } from "../../read-index.ts";
import {
  BODY_HEADER_BYTES,
  decodeHeader,
  placeOf,
  segmentPath,
  storedBytes,
  unpackBody,
  type BodyPlace,
} from "../../segment-record.ts";
import { chunksOf, guidText, lostRecord } from "./check-mailbox.ts";
import { found, mailboxRepair, progress, type Check, type RepairPlan } from "./finding.ts";

const PAGE_BODIES = 64;
const OPEN_SEGMENTS = 32;

interface BodyRow extends BodyPlace {
  readonly id: number;
  readonly guid: Buffer;
  readonly summary: number;
  readonly summaryBytes: Buffer | null;
}

export interface BodySourceOfCheck {
  readonly index: ReadIndex;
  readonly disk: Disk;
  readonly folder: string;
}

/** Body bytes from the segments, for whoever reads without the store. */
export class SegmentReader {
  readonly #source: Pick<BodySourceOfCheck, "disk" | "folder">;
  readonly #files: Lru<string, DiskFile>;

  constructor(source: Pick<BodySourceOfCheck, "disk" | "folder">) {
    this.#source = source;
    this.#files = new Lru({ maxEntries: OPEN_SEGMENTS, onEvict: (file) => file.close() });
  }

  /** @throws StoreError disk_failed, or the disk's own error */
  read(body: BodyPlace): { bytes: Buffer; headerGuid: string | undefined } {
    const path = segmentPath(this.#source.folder, placeOf(body), body.segment);
    let file = this.#files.get(path);
    if (file === undefined) {
      file = this.#source.disk.open(path, "read");
      this.#files.set(path, file);
    }
    const record = Buffer.allocUnsafeSlow(BODY_HEADER_BYTES + storedBytes(body));
    if (file.read(record, body.offset) !== record.length) {
      throw new StoreError("disk_failed", `segment ${body.segment} ends before it`);
    }
    const stored = record.subarray(BODY_HEADER_BYTES);
    const bytes = body.packed > 0 ? unpackBody(stored, body.length) : stored;
    return { bytes, headerGuid: decodeHeader(record)?.guid.toString("hex") };
  }

  close(): void {
    this.#files.clear();
  }
}

/** Bodies that are no good, by id: why, and whether their bytes can still be read. */
export type BadBodies = Map<number, { readonly why: string; readonly isReadable: boolean }>;

export function* checkBodies(source: BodySourceOfCheck, plan: RepairPlan, bad: BadBodies): Check {
  const { index } = source;
  const total = index.sql("SELECT count(*) FROM bodies").pluck().get() as number;
  const page = index.sql(
    `SELECT b.id, guid, partition, segment, offset, length, packed, summary, s.bytes AS summaryBytes
     FROM bodies b LEFT JOIN summaries s ON s.key = b.summary WHERE b.id > ? ORDER BY b.id LIMIT ${PAGE_BODIES}`,
  );
  const reader = new SegmentReader(source);
  try {
    let done = 0;
    for (let after = 0; ;) {
      const rows = page.all(after) as BodyRow[];
      for (const row of rows) yield* checkBody(reader, row, plan, bad);
      done += rows.length;
      yield progress("bodies", done, total);
      if (rows.length < PAGE_BODIES) return;
      after = rows.at(-1)!.id;
    }
  } finally {
    reader.close();
  }
}

function* checkBody(reader: SegmentReader, row: BodyRow, plan: RepairPlan, bad: BadBodies): Check {
  const guid = row.guid.toString("hex");
  let record: ReturnType<SegmentReader["read"]>;
  try {
    record = reader.read(row);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    bad.set(row.id, { why, isReadable: false });
    return;
  }
  if (createHash("sha1").update(record.bytes).digest("hex") !== guid) {
    bad.set(row.id, { why: "its bytes are not those that were stored", isReadable: true });
    return;
  }
  if (record.headerGuid !== guid) {
    // The body is whole; compaction finds it by the index and writes a good header.
    yield found({
      kind: "body_damaged",
      guid,
      text: `the header of body ${guid} in segment ${row.segment} is damaged, the body is whole`,
    });
  }
  const fresh = encodeSummary(summarize(record.bytes));
  if (row.summaryBytes?.equals(fresh) === true) return;
  plan.rebuildSummaries.push(row.id);
  yield found({
    kind: "summary_wrong",
    guid,
    text: `body ${guid}: its summary ${row.summaryBytes === null ? "is missing" : "is not what its bytes say"}`,
    repair: "made anew",
  });
}

/** Names every record that has a bad body. */
export function* nameBadBodies(
  index: ReadIndex,
  mailboxes: readonly { readonly id: MailboxId; readonly name: MailboxName }[],
  bad: BadBodies,
  plan: RepairPlan,
): Check {
  if (bad.size === 0) return;
  for (const id of bad.keys()) plan.removeBodies.push(id);
  const named = new Set<number>();
  for (const { id, name } of mailboxes) {
    for (const chunk of chunksOf(index, id)) {
      if ("unreadable" in chunk) continue;
      for (let i = 0; i < chunk.count; i++) {
        const body = chunk.cold.bodyIds[i]!;
        const fault = bad.get(body);
        if (fault === undefined) continue;
        named.add(body);
        const uid = chunk.hot.uids[i]!;
        mailboxRepair(plan, id).lost.push(uid);
        if (chunk.hot.flags[i]! & 16) continue;
        const guid = guidText(chunk.cold.guids, i);
        if (!fault.isReadable) {
          yield lostRecord(name, uid, guid, fault.why);
          continue;
        }
        plan.damaged.push({ mailbox: id, uid, body });
        yield found({
          kind: "body_damaged",
          mailbox: name,
          uid,
          guid,
          text: `${name}: message with UID ${uid} and GUID ${guid} is damaged: ${fault.why}`,
          repair: "what can be read becomes a new message with the keyword $Damaged, the old one is expunged",
        });
      }
    }
  }
  for (const [body, { why }] of bad) {
    if (!named.has(body)) {
      yield found({
        kind: "body_damaged",
        text: `body ${body}, which no record has, is damaged: ${why}`,
        repair: "forgotten",
      });
    }
  }
}
