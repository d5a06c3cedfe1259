import type { Uid } from "../../../base/numbers.ts";
import { type MessageRecord, SystemFlag } from "../../../store/model.ts";
import { userOf } from "../../../store/names.ts";
import { normalizeRanges, type NumberRanges, parseRanges, rangesInclude } from "../../../wire/number-set.ts";
import { isExpunged } from "../../client/collect.ts";
import { type Flags, readFlags } from "../../codec/record.ts";
import type { DlistReader } from "../../codec/reader.ts";
import { SyncRefusal } from "../../reply.ts";
import { UNLISTED_FLAGS } from "../folder-lines.ts";
import { readUid, type TextCommand, type TextDialogue } from "../text-dialogue.ts";

/** EXPUNGE uid … (S5.12). What is gone already is no error. */
export const expunge: TextCommand = {
  name: "EXPUNGE",
  needs: "folder",
  async run(dialogue, reader) {
    const uids = readUids(reader);
    const lastUpdated = dialogue.nowSeconds();
    await dialogue.change((_, modseq) => {
      const gone = liveRecords(dialogue, uids);
      if (gone.length === 0) return undefined;
      const records = gone.map((record) => ({
        ...record,
        modseq,
        lastUpdated,
        systemFlags: record.systemFlags | SystemFlag.expunged,
      }));
      return { header: {}, records };
    });
    return "OK Expunge Complete";
  },
};

/** SETFLAGS uid (flags) … (S5.13): exactly these flags; \Seen stays as it is. */
export const setFlags: TextCommand = {
  name: "SETFLAGS",
  needs: "folder",
  async run(dialogue, reader) {
    const wanted = new Map<Uid, Flags>();
    while (!reader.atEnd) wanted.set(readUid(reader.sp()), readFlags(reader.sp()));
    const lastUpdated = dialogue.nowSeconds();
    await dialogue.change((_, modseq) => {
      const found = liveRecords(dialogue, [...wanted.keys()]);
      const missing = [...wanted.keys()].find((uid) => !found.some((record) => record.uid === uid));
      if (missing !== undefined) throw new SyncRefusal(`NO There is no message ${missing}`);
      const records = found.map((record) => {
        const { systemFlags, keywords } = wanted.get(record.uid)!;
        const kept = record.systemFlags & SystemFlag.seen;
        return {
          ...record,
          modseq,
          lastUpdated,
          systemFlags: (systemFlags & ~UNLISTED_FLAGS) | kept,
          keywords,
        };
      });
      return records.length === 0 ? undefined : { header: {}, records };
    });
    return `OK Updated flags on ${wanted.size} messages okay`;
  },
};

/**
 * SETSEEN user lastseen recentuid uidlast uids: what the user has seen of the selected folder, when that was, and its
 * last UID, which never falls. The owner's \Seen are flags of the messages, another user's a state of his own.
 */
export const setSeen: TextCommand = {
  name: "SETSEEN",
  needs: "folder",
  async run(dialogue, reader) {
    const user = reader.sp().text();
    const lastSeen = reader.sp().number();
    const recentUid = reader.sp().number();
    const lastUid = reader.sp().number();
    const uids = reader.sp().text();
    const seen: NumberRanges | undefined = uids === "" ? [] : parseRanges(uids);
    if (seen === undefined) throw new SyncRefusal(`BAD "${uids.slice(0, 40)}" is no set of UIDs`);
    const own = dialogue.folder();
    if (user !== userOf(own.name) && !own.options.includes("sharedSeen")) {
      await dialogue.services.store.seen.set(
        {
          userId: user,
          uniqueId: own.uniqueId,
          lastRead: lastSeen,
          lastUid: recentUid,
          lastChange: lastSeen,
          seenUids: uids,
        },
        { local: true },
      );
      return "OK Setseen finished";
    }
    const ranges = normalizeRanges(seen);
    await dialogue.change((now, modseq) => ({
      header: { recentTime: lastSeen, recentUid, lastUid: Math.max(now.lastUid, lastUid) },
      records: changedSeen(dialogue, ranges).map((record) => ({ ...record, modseq })),
    }));
    return "OK Setseen finished";
  },
};

function changedSeen(dialogue: TextDialogue, seen: NumberRanges): readonly MessageRecord[] {
  const changed: MessageRecord[] = [];
  const lastUpdated = dialogue.nowSeconds();
  for (const group of dialogue.services.store.readRecords(dialogue.folder().id)) {
    for (const record of group) {
      const isSeen = (record.systemFlags & SystemFlag.seen) !== 0;
      if (isExpunged(record) || isSeen === rangesInclude(seen, record.uid)) continue;
      changed.push({ ...record, lastUpdated, systemFlags: record.systemFlags ^ SystemFlag.seen });
    }
  }
  return changed;
}

function readUids(reader: DlistReader): Uid[] {
  const uids: Uid[] = [];
  do uids.push(readUid(reader.sp()));
  while (!reader.atEnd);
  return uids;
}

function liveRecords(dialogue: TextDialogue, uids: readonly Uid[]): MessageRecord[] {
  const { id } = dialogue.folder();
  const found = [...new Set(uids)].flatMap((uid) => dialogue.services.store.findRecord(id, uid) ?? []);
  return found.filter((record) => !isExpunged(record));
}
