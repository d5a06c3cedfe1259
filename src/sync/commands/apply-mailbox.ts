import type { Mailbox, MessageRecord } from "../../store/model.ts";
import { SystemFlag } from "../../store/model.ts";
import { userOf } from "../../store/names.ts";
import type { NewMessage, ReplicatedChange } from "../../store/port.ts";
import { syncCommand } from "../command.ts";
import { readMailbox, SPECIAL_USE_ENTRY, specialUseOf, type SyncMailbox } from "../codec/mailbox-line.ts";
import { readRecord } from "../codec/record.ts";
import { DlistReader } from "../codec/reader.ts";
import type { SyncDialogue } from "../dialogue.ts";
import type { RecordSpool } from "../record-spool.ts";
import { SyncRefusal, SyncReply } from "../reply.ts";
import { RECORDS_A_TURN, turn } from "../turn.ts";

const NEEDED = [
  "UNIQUEID",
  "MBOXNAME",
  "HIGHESTMODSEQ",
  "PARTITION",
  "LAST_UID",
  "RECENTUID",
  "RECENTTIME",
  "LAST_APPENDDATE",
  "POP3_LAST_LOGIN",
  "UIDVALIDITY",
  "ACL",
  "OPTIONS",
  "RECORD",
];
const NEEDED_OF_INTERMEDIATE = ["UNIQUEID", "MBOXNAME", "HIGHESTMODSEQ"];
/** Records that are put into one commit. */
const RECORDS_A_COMMIT = 2_000;

/** APPLY MAILBOX: creates or updates; the checks stand in the order of Cyrus 3.6.1. */
export const applyMailbox = syncCommand({
  name: "MAILBOX",
  async run(dialogue, reader, _send, spool) {
    const sent = readMailbox(reader);
    reader.end();
    const needed = sent.intermediate ? NEEDED_OF_INTERMEDIATE : NEEDED;
    if (needed.some((key) => !sent.keys.has(key))) throw new SyncRefusal(SyncReply.badParameters);
    if (sent.type === "sieve" && !dialogue.enabled.has("SIEVE-MAILBOX")) {
      throw new SyncRefusal(SyncReply.badParameters);
    }
    // Before anything is changed. Cyrus 3.6.1 has no check here.
    const partition = sent.intermediate ? undefined : dialogue.knownPartition(sent.partition);
    const { own, isNew } = await findOrCreate(dialogue, sent, partition);
    if (sent.intermediate || sent.deleted) return;
    if (!isNew) checkState(dialogue, own, sent);
    await applyRecords(dialogue, own, sent, { isNew, spool });
    if (sent.type === "sieve") warnOfScripts(dialogue, own);
    const after = dialogue.services.store.mailboxes.get(sent.name);
    // 8: changes stay applied; the sender compares in full.
    if (after.syncCrc !== sent.syncCrc || after.syncCrcAnnot !== sent.syncCrcAnnot) {
      throw new SyncRefusal(SyncReply.checksum);
    }
  },
});

function warnOfScripts(dialogue: SyncDialogue, { id, name }: Mailbox): void {
  if (dialogue.services.sieveIsOff !== true) return;
  const { flagged, expunged } = SystemFlag;
  for (const group of dialogue.services.store.readRecords(id)) {
    const isActive = group.some(({ systemFlags }) => (systemFlags & (flagged | expunged)) === flagged);
    if (isActive) return dialogue.warnOfActiveScript(userOf(name));
  }
}

async function findOrCreate(
  dialogue: SyncDialogue,
  sent: SyncMailbox,
  partition: string | undefined,
): Promise<{ own: Mailbox; isNew: boolean }> {
  const { store } = dialogue.services;
  const own = store.mailboxes.find(sent.name);
  if (own?.uniqueId === sent.uniqueId) return { own, isNew: false };
  // 3: another mailbox of that name gives way only when it is empty, or by force.
  const isInTheWay = own !== undefined && !own.intermediate && own.lastUid !== 0;
  if (isInTheWay && !dialogue.force) throw new SyncRefusal(SyncReply.moved);
  // 2: the id under another name, before anything is deleted.
  if (store.mailboxes.byUniqueId(sent.uniqueId) !== undefined) throw new SyncRefusal(SyncReply.moved);
  // An intermediate in the way is replaced by what is created.
  if (own?.intermediate === false) await store.delete(own.id, { immediate: true, local: true });
  const created = await store.create(sent.name, {
    type: sent.type,
    uniqueId: sent.uniqueId,
    intermediate: sent.intermediate,
    local: true,
    ...(partition === undefined ? {} : { partition, acl: sent.acl, uidValidity: sent.uidValidity }),
  });
  return { own: created, isNew: true };
}

function checkState(dialogue: SyncDialogue, own: Mailbox, sent: SyncMailbox): void {
  const { since } = sent;
  // 4: the delta was made for another state.
  if (
    since !== undefined &&
    (since.modseq !== own.highestModseq || since.crc !== own.syncCrc || since.crcAnnot !== own.syncCrcAnnot)
  ) {
    throw new SyncRefusal(SyncReply.changed);
  }
  // 5: this side is ahead.
  if (dialogue.force) return;
  if (
    sent.highestModseq < own.highestModseq ||
    sent.uidValidity < own.uidValidity ||
    sent.lastUid < own.lastUid
  ) {
    throw new SyncRefusal(SyncReply.checksum);
  }
}

type IncomingRecord = ReplicatedChange["records"][number];

/** Groups of what was sent: those of the line itself, and those that came by another way since they were many. */
async function* recordGroups(
  sent: SyncMailbox,
  spool: RecordSpool | undefined,
): AsyncGenerator<Iterable<DlistReader>> {
  if (sent.records !== undefined) yield sent.records.fork().elements();
  if (spool === undefined) return;
  for await (const block of spool.blocks()) yield new DlistReader(block).sequence();
}

/** The list is walked twice, so that a large one is never held as records: once to check, once to change. */
async function applyRecords(
  dialogue: SyncDialogue,
  own: Mailbox,
  sent: SyncMailbox,
  { isNew, spool }: { readonly isNew: boolean; readonly spool: RecordSpool | undefined },
): Promise<void> {
  const { store } = dialogue.services;
  const newsOf = (): ((item: DlistReader) => IncomingRecord | undefined) => {
    const find = store.recordFinder(own.id);
    return (item) => {
      const record = readRecord(item);
      const before = isNew ? undefined : find(record.uid);
      if (before === undefined) return newRecord(dialogue, own, record);
      return isChange(dialogue, before, record) ? record : undefined;
    };
  };
  // 6: every record is checked before the first is changed.
  const check = newsOf();
  let left = 0;
  let looked = 0;
  for await (const group of recordGroups(sent, spool)) {
    for (const item of group) {
      if (check(item) !== undefined) left += 1;
      if (++looked % RECORDS_A_TURN === 0) await turn();
    }
  }
  const take = newsOf();
  // Others have their turn since the check began, and between two commits: what they changed is not overwritten, the
  // sender looks again. Commits without a header leave the modseq as it is.
  const guard = dialogue.force ? {} : { ifHighestModseq: own.highestModseq };
  let batch: IncomingRecord[] = [];
  for await (const group of recordGroups(sent, spool)) {
    for (const item of group) {
      const record = take(item);
      if (++looked % RECORDS_A_TURN === 0) await turn();
      if (record === undefined) continue;
      batch.push(record);
      left -= 1;
      // The last ones go with the header.
      if (batch.length < RECORDS_A_COMMIT || left === 0) continue;
      await store.apply({ mailbox: own.id, ...guard, header: {}, records: batch });
      batch = [];
    }
  }
  await store.apply({
    mailbox: own.id,
    ...guard,
    header: headerOf(own, sent),
    records: batch,
    annotations: sent.annotations.filter(({ entry }) => entry !== SPECIAL_USE_ENTRY),
  });
}

function headerOf(own: Mailbox, sent: SyncMailbox): ReplicatedChange["header"] {
  return {
    uidValidity: Math.max(own.uidValidity, sent.uidValidity),
    lastUid: sent.lastUid,
    highestModseq: sent.highestModseq,
    recentUid: sent.recentUid,
    recentTime: sent.recentTime,
    lastAppendDate: sent.lastAppendDate,
    pop3LastLogin: sent.pop3LastLogin,
    pop3ShowAfter: sent.pop3ShowAfter,
    xconvModseq: sent.xconvModseq,
    raclModseq: sent.raclModseq,
    acl: sent.acl,
    options: sent.options,
    specialUse: specialUseOf(sent.annotations),
    ...(sent.keys.has("CREATEDMODSEQ") ? { createdModseq: sent.createdModseq } : {}),
    ...(sent.keys.has("FOLDERMODSEQ") ? { folderModseq: sent.folderModseq } : {}),
  };
}

/** True when `record` has news for the one that is here. @throws SyncRefusal when they cannot both be right */
function isChange(dialogue: SyncDialogue, before: MessageRecord, record: MessageRecord): boolean {
  const isGone = (before.systemFlags & SystemFlag.expunged) !== 0;
  const goes = (record.systemFlags & SystemFlag.expunged) !== 0;
  if (isGone && goes) return false;
  const refuses =
    before.guid !== record.guid || (!dialogue.force && before.modseq > record.modseq) || (isGone && !goes);
  if (refuses) throw new SyncRefusal(SyncReply.checksum);
  return true;
}

/** @throws SyncRefusal when it cannot be new, or its bytes are nowhere */
function newRecord(dialogue: SyncDialogue, own: Mailbox, record: MessageRecord): IncomingRecord {
  const isGone = (record.systemFlags & SystemFlag.expunged) !== 0;
  if (record.uid <= own.lastUid && !isGone && !dialogue.force) throw new SyncRefusal(SyncReply.checksum);
  const body: NewMessage["body"] | undefined =
    dialogue.staging.find(record.guid) ?? linkable(dialogue, own, record);
  if (body !== undefined) return { ...record, body };
  if (isGone) return record;
  throw new SyncRefusal(SyncReply.unknown);
}

function linkable(
  dialogue: SyncDialogue,
  { partition }: Mailbox,
  { guid, systemFlags }: MessageRecord,
): NewMessage["body"] | undefined {
  if ((systemFlags & SystemFlag.expunged) !== 0) return undefined;
  return dialogue.services.store.findBody(guid, partition) === undefined ? undefined : { guid, partition };
}
