import { toUid, type Uid } from "../../base/numbers.ts";
import { getMailbox } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

const BY_ADMINISTRATOR = { userId: "", sessionId: 0 };
const LAST_UID = 0xffff_ffff;

/** Expunged messages that can be brought back, one row each. */
export const messageListExpunged: Operation = {
  name: "message.list-expunged",
  async run(node, fields, output) {
    const { id, name } = getMailbox(node, fields.string("mailbox"));
    fields.end();
    const records = await node.store.expungedRecords(id);
    for (const { uid, internalDate, lastUpdated, sizeBytes, guid } of records) {
      const [entry] = [...node.store.readSummaries(id, [uid])];
      await output.row({
        uid,
        internalDate: new Date(internalDate * 1000).toISOString(),
        expungedAt: new Date(lastUpdated * 1000).toISOString(),
        sizeBytes,
        guid,
        subject: entry?.summary.baseSubject ?? null,
      });
    }
    return { mailbox: name, count: records.length };
  },
};

/** Brings expunged messages back under new UIDs: those named, or all of the last `withinSeconds`. */
export const messageUnexpunge: Operation = {
  name: "message.unexpunge",
  async run(node, fields) {
    const { id, name } = getMailbox(node, fields.string("mailbox"));
    const asked = fields.counts("uids").filter((uid) => uid > 0 && uid < LAST_UID);
    const withinSeconds = fields.findCount("withinSeconds");
    fields.end();
    const since = Math.floor(node.clock.nowMs() / 1000) - (withinSeconds ?? 0);
    const uids: readonly Uid[] =
      withinSeconds === undefined
        ? asked.map(toUid)
        : (await node.store.expungedRecords(id))
            .filter((record) => record.lastUpdated >= since)
            .map((record) => record.uid);
    if (uids.length === 0) return { mailbox: name, from: [], uids: [] };
    const restored = await node.store.unexpunge(id, uids, BY_ADMINISTRATOR);
    return { mailbox: name, from: [...uids], uids: [...restored.uids] };
  },
};
