import { toUid } from "../../base/numbers.ts";
import { SystemFlag } from "../../store/model.ts";
import { syncCommand } from "../command.ts";
import { readFields } from "../fields.ts";
import { SyncRefusal, SyncReply } from "../reply.ts";
import { findMailbox } from "./get-mailboxes.ts";

/** APPLY RENAME %(OLDMBOXNAME a NEWMBOXNAME b PARTITION p UIDVALIDITY v): one mailbox, not what is below it. */
export const applyRename = syncCommand({
  name: "RENAME",
  async run(dialogue, reader) {
    const fields = readFields(reader);
    const { store } = dialogue.services;
    const mailbox = findMailbox(dialogue, fields.text("OLDMBOXNAME"));
    const partition = dialogue.knownPartition(fields.text("PARTITION"));
    await store.rename(mailbox.id, fields.text("NEWMBOXNAME"), {
      withChildren: false,
      partition,
      local: true,
    });
    const uidValidity = fields.has("UIDVALIDITY") ? fields.number("UIDVALIDITY") : 0;
    if (uidValidity > mailbox.uidValidity) {
      await store.apply({ mailbox: mailbox.id, header: { uidValidity }, records: [] });
    }
  },
});

/** APPLY UNMAILBOX name: gone at once; delayed delete travels as a rename to DELETED. */
export const applyUnmailbox = syncCommand({
  name: "UNMAILBOX",
  async run(dialogue, reader) {
    const mailbox = findMailbox(dialogue, reader.text());
    await dialogue.services.store.delete(mailbox.id, { immediate: true, local: true });
  },
});

/** APPLY UNUSER name. An unknown user is no error. */
export const applyUnuser = syncCommand({
  name: "UNUSER",
  async run(dialogue, reader) {
    await dialogue.services.store.deleteUser(reader.text(), { local: true });
  },
});

/**
 * APPLY EXPUNGE %(MBOXNAME m UNIQUEID i UID (n …)). The mailbox keeps its modseq: a Cyrus 3.6.1 master sends what is above it
 * next, and messages that got new UIDs are below the modseq that this change would have (observed).
 */
export const applyExpunge = syncCommand({
  name: "EXPUNGE",
  async run(dialogue, reader) {
    const fields = readFields(reader);
    const mailbox = findMailbox(dialogue, fields.text("MBOXNAME"));
    if (mailbox.uniqueId !== fields.text("UNIQUEID")) throw new SyncRefusal(SyncReply.moved);
    const { store, clock } = dialogue.services;
    const records = fields
      .texts("UID")
      .map((text) => store.findRecord(mailbox.id, toUid(Number(text))))
      .filter((record) => record !== undefined);
    // Cyrus answers so for a UID that it does not have.
    if (records.length < fields.texts("UID").length) throw new SyncRefusal(SyncReply.unknown);
    // Not as a client would: a replica owns nobody and still does what its master says.
    const modseq = mailbox.highestModseq;
    await store.apply({
      mailbox: mailbox.id,
      ifHighestModseq: mailbox.highestModseq,
      header: {},
      records: records.map((record) => ({
        ...record,
        modseq,
        lastUpdated: Math.floor(clock.nowMs() / 1000),
        systemFlags: record.systemFlags | SystemFlag.expunged,
      })),
    });
  },
});
