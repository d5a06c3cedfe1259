/** Writes everything of a user into one file, while his sessions go on. */
import type { Uid } from "../../../base/numbers.ts";
import { StoreError } from "../../errors.ts";
import {
  SystemFlag,
  type Mailbox,
  type MessageAnnotation,
  type MessageRecord,
  type UserId,
} from "../../model.ts";
import { inboxOf } from "../../names.ts";
import type { Store } from "../../port.ts";
import { FrameWriter } from "./frames.ts";
import type { BackupLine, SavedAnnotation } from "./lines.ts";

export interface ExportReport {
  readonly mailboxes: number;
  readonly messages: number;
  readonly bodies: number;
  readonly bytes: number;
}

/** @throws StoreError mailbox_not_found when the user has no mailboxes */
export async function exportUser(
  store: Store,
  user: UserId,
  path: string,
  nowMs: number,
  onProgress?: (done: number, total: number) => void,
): Promise<ExportReport> {
  const mailboxes = [...store.mailboxes.ofUser(user)].filter((mailbox) => !mailbox.intermediate);
  if (mailboxes.length === 0) throw new StoreError("mailbox_not_found", `user ${user} has no mailboxes`);
  const writer = await FrameWriter.create(path);
  try {
    const line = async (value: BackupLine) => writer.json(value);
    await line({ kind: "user", user, takenAt: new Date(nowMs).toISOString() });
    for (const quota of store.quotas.list(inboxOf(user))) {
      const { root, storageLimitBytes, messageLimit, annotationStorageLimitBytes, mailboxLimit } = quota;
      // Undefined = no limit: left out of JSON.
      const limits = { storageLimitBytes, messageLimit, annotationStorageLimitBytes, mailboxLimit };
      await line({ kind: "quota", root, limits: limits });
    }
    const total = mailboxes.reduce((sum, mailbox) => sum + mailbox.exists, 0);
    const written = new Set<string>();
    let messages = 0;
    for (const mailbox of mailboxes) {
      const { name, uniqueId, type, uidValidity, acl, specialUse, options } = mailbox;
      await line({
        kind: "mailbox",
        mailbox: { name, uniqueId, type, uidValidity, acl, specialUse, options },
      });
      // The header after the records: what comes while they are read is told by its numbers as far as it is in.
      let highestUid = 0;
      for (const records of store.readRecords(mailbox.id, { includeExpunged: true })) {
        messages += await writeRecords(store, writer, mailbox, records, written);
        highestUid = records.at(-1)?.uid ?? highestUid;
        onProgress?.(messages, Math.max(total, messages));
      }
      await line(endOf(store, store.mailboxes.byId(mailbox.id) ?? mailbox, highestUid));
    }
    await line({ kind: "subscriptions", names: [...store.subscriptions.list(user)] });
    for (const state of store.seen.ofUser(user)) await line({ kind: "seen", state });
    const uniqueIds = mailboxes.map((mailbox) => mailbox.uniqueId);
    for (const state of store.seen.ofOthers(user, uniqueIds)) await line({ kind: "seen", state });
    const { bodies } = await writer.finish();
    return { mailboxes: mailboxes.length, messages, bodies, bytes: writer.bytes };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Bodies that are new in the file, then the records; returns how many are alive. */
async function writeRecords(
  store: Store,
  writer: FrameWriter,
  mailbox: Mailbox,
  records: readonly MessageRecord[],
  written: Set<string>,
): Promise<number> {
  const live = records.filter((record) => !(record.systemFlags & SystemFlag.expunged));
  const uids: Uid[] = [];
  const guids = new Map<number, string>();
  for (const { uid, guid } of live) {
    // 20 characters a body, not 40: this set is as large as the mailbox.
    const key = Buffer.from(guid, "hex").toString("latin1");
    if (written.has(key)) continue;
    written.add(key);
    uids.push(uid);
    guids.set(uid, guid);
  }
  for await (const { uid, bytes } of store.readBodies(mailbox.id, uids)) {
    await writer.body(guids.get(uid)!, bytes);
    guids.delete(uid);
  }
  // Expunged and swept since its record was read: it is not in the backup.
  const gone = new Set(guids.keys());
  for (const guid of guids.values()) written.delete(Buffer.from(guid, "hex").toString("latin1"));
  const saved = records.filter((record) => !gone.has(record.uid));
  const line: BackupLine = {
    kind: "records",
    records: saved.map((record) => ({ ...record, annotations: record.annotations.map(saveAnnotation) })),
  };
  await writer.json(line);
  return live.length - gone.size;
}

function endOf(store: Store, mailbox: Mailbox, highestUid: number): BackupLine {
  return {
    kind: "mailboxEnd",
    numbers: {
      lastUid: Math.max(mailbox.lastUid, highestUid),
      highestModseq: mailbox.highestModseq,
      createdModseq: mailbox.createdModseq,
      folderModseq: mailbox.folderModseq,
      deletedModseq: mailbox.deletedModseq,
      lastAppendDate: mailbox.lastAppendDate,
      recentUid: mailbox.recentUid,
      recentTime: mailbox.recentTime,
      pop3LastLogin: mailbox.pop3LastLogin,
      pop3ShowAfter: mailbox.pop3ShowAfter,
      xconvModseq: mailbox.xconvModseq,
      raclModseq: mailbox.raclModseq,
    },
    annotations: [...store.annotations.all(mailbox.name)].map(saveAnnotation),
  };
}

function saveAnnotation({ entry, userId, modseq, value }: MessageAnnotation): SavedAnnotation {
  return { entry, userId, modseq, base64: value.toString("base64") };
}
