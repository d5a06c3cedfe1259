/** The CRCs of a mailbox up to some UID: what a replica has after a part of a large mailbox. */
import { SystemFlag, type MessageRecord } from "../../store/model.ts";
import {
  annotationCrc,
  EMPTY_ANNOT_CRC,
  keywordCrc,
  pseudoAnnotationsCrc,
  recordCrc,
  systemFlagsCrc,
} from "../../store/sync-crc.ts";

export class RunningCrc {
  #basic = 0;
  #annot = EMPTY_ANNOT_CRC;

  get syncCrc(): number {
    return this.#basic >>> 0;
  }

  get syncCrcAnnot(): number {
    return this.#annot >>> 0;
  }

  add(record: MessageRecord): void {
    if ((record.systemFlags & SystemFlag.expunged) !== 0) return;
    const { uid, modseq, lastUpdated, internalDate } = record;
    let flags = systemFlagsCrc(record.systemFlags);
    for (const keyword of record.keywords) flags ^= keywordCrc(keyword);
    const guid = Buffer.from(record.guid, "hex");
    this.#basic ^= recordCrc(uid, modseq, lastUpdated, flags, internalDate, guid, 0);
    this.#annot ^= pseudoAnnotationsCrc(uid, record.saveDate, record.createdModseq, record.threadId);
    for (const { entry, userId, value } of record.annotations) {
      this.#annot ^= annotationCrc(uid, entry, userId, value);
    }
  }
}
