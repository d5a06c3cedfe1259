import { createHash } from "node:crypto";
import type { Uid } from "../../../base/numbers.ts";
import type { Guid, Mailbox, MessageRecord } from "../../../store/model.ts";
import type { ReplicatedChange, StagedBody } from "../../../store/port.ts";
import { isExpunged } from "../../client/collect.ts";
import { type Flags, readFlags } from "../../codec/record.ts";
import type { DlistReader } from "../../codec/reader.ts";
import { SyncRefusal } from "../../reply.ts";
import { UNLISTED_FLAGS } from "../folder-lines.ts";
import { messageIdOf, NO_MESSAGE_ID } from "../message-id.ts";
import { readUid, type TextCommand, type TextDialogue } from "../text-dialogue.ts";

interface Incoming {
  readonly uid: Uid;
  readonly internalDate: number;
  readonly flags: Flags;
  readonly guid: Guid;
  readonly sizeBytes: number;
  readonly body: StagedBody | { readonly guid: Guid; readonly partition: string };
}

/**
 * UPLOAD uid guid date (flags) COPY|{n+} … (S5.16, S5.18): messages for the selected folder under the UIDs that they
 * have on the master, also below the last one; COPY takes a reserved one. What is there already stays.
 */
export const upload: TextCommand = {
  name: "UPLOAD",
  needs: "folder",
  async run(dialogue, reader) {
    const incoming: Incoming[] = [];
    try {
      do incoming.push(await readMessage(dialogue, reader));
      while (!reader.atEnd);
      await dialogue.change((own, modseq) => plan(dialogue, own, modseq, incoming));
    } finally {
      for (const { body } of incoming) if ("release" in body) body.release();
    }
    return `OK Uploaded ${incoming.length} messages okay`;
  },
};

async function readMessage(dialogue: TextDialogue, reader: DlistReader): Promise<Incoming> {
  const uid = readUid(reader.sp());
  const messageId = reader.sp().text();
  const internalDate = reader.sp().number();
  const flags = readFlags(reader.sp());
  reader.sp();
  if (!reader.atLiteral) {
    if (reader.word().toUpperCase() !== "COPY") throw new SyncRefusal("BAD COPY or a literal is needed");
    const found = dialogue.reserved(messageId);
    if (found === undefined) throw new SyncRefusal(`NO ${messageId} was not reserved`);
    const { guid, partition, sizeBytes } = found;
    return { uid, internalDate, flags, guid, sizeBytes, body: { guid, partition } };
  }
  const bytes = reader.bytes();
  const guid = createHash("sha1").update(bytes).digest("hex");
  if (messageId !== NO_MESSAGE_ID && messageId !== messageIdOf(guid)) {
    throw new SyncRefusal(`NO The bytes of message ${uid} do not have the GUID ${messageId}`);
  }
  const body = await stage(dialogue, bytes);
  return { uid, internalDate, flags, guid, sizeBytes: bytes.length, body };
}

/** Through the staging area, which knows how large a message may be. */
async function stage({ services }: TextDialogue, bytes: Buffer): Promise<StagedBody> {
  const writer = services.store.stage(bytes.length);
  await writer.write(bytes);
  return await writer.finish();
}

function plan(
  dialogue: TextDialogue,
  own: Mailbox,
  modseq: Mailbox["highestModseq"],
  incoming: readonly Incoming[],
): Omit<ReplicatedChange, "mailbox"> | undefined {
  const now = dialogue.nowSeconds();
  const records: ReplicatedChange["records"][number][] = [];
  let { uidValidity, lastUid } = own;
  for (const { uid, internalDate, flags, guid, sizeBytes, body } of incoming) {
    const before = dialogue.services.store.findRecord(own.id, uid);
    if (before !== undefined && !isExpunged(before)) {
      if (before.guid === guid) continue;
      throw new SyncRefusal(`NO UID ${uid} is another message`);
    }
    // A UID never stands for two messages (RFC 9051 §2.3.1.1): clients have to look at the folder anew.
    if (before !== undefined && before.guid !== guid) uidValidity = own.uidValidity + 1;
    lastUid = Math.max(lastUid, uid);
    const record: MessageRecord = {
      uid,
      modseq,
      createdModseq: modseq,
      lastUpdated: now,
      internalDate,
      sizeBytes,
      guid,
      systemFlags: flags.systemFlags & ~UNLISTED_FLAGS,
      keywords: flags.keywords,
      threadId: "",
      saveDate: now,
      annotations: [],
    };
    records.push({ ...record, body });
  }
  if (records.length === 0) return undefined;
  return { header: { uidValidity, lastUid, lastAppendDate: now }, records, revive: true };
}
