/** What has to be done so that a folder of the replica becomes equal (S5.16). */
import type { Uid } from "../../../base/numbers.ts";
import { SystemFlag, type Mailbox } from "../../../store/model.ts";
import type { Store } from "../../../store/port.ts";
import { rangesOf, printRanges } from "../../../wire/number-set.ts";
import { printTextAcl } from "../acl-text.ts";
import { listedFlags } from "../folder-lines.ts";
import { messageIdOf, NO_MESSAGE_ID } from "../message-id.ts";
import { flagText, type TextFolder } from "./text-replica.ts";

export interface FolderPlan {
  readonly own: Mailbox;
  /** undefined = it has to be made. */
  readonly remote: TextFolder | undefined;
  readonly aclDiffers: boolean;
  readonly flags: { readonly uid: Uid; readonly flags: readonly string[] }[];
  readonly expunged: number[];
  /** UIDs here, with the ids under which they may be found elsewhere. */
  readonly missing: { readonly uid: Uid; readonly messageId: string }[];
  readonly lastSeen: number;
  readonly seenUids: string;
  readonly seenDiffers: boolean;
}

export function isEqual(plan: FolderPlan): boolean {
  const { remote, aclDiffers, flags, expunged, missing, seenDiffers } = plan;
  return (
    remote !== undefined &&
    !aclDiffers &&
    !seenDiffers &&
    flags.length + expunged.length + missing.length === 0
  );
}

/** Walks both sides in order of their UIDs. */
export function planFolder(store: Store, own: Mailbox, remote: TextFolder | undefined): FolderPlan {
  const flags: FolderPlan["flags"] = [];
  const expunged: number[] = [];
  const missing: FolderPlan["missing"] = [];
  const seen: number[] = [];
  let lastSeen = own.recentTime;
  let at = 0;
  const count = remote?.uids.length ?? 0;
  for (const group of store.readRecords(own.id)) {
    for (const record of group) {
      const { uid, guid, lastUpdated, systemFlags } = record;
      lastSeen = Math.max(lastSeen, lastUpdated);
      if ((systemFlags & SystemFlag.seen) !== 0) seen.push(uid);
      for (; at < count && remote!.uids[at]! < uid; at++) expunged.push(remote!.uids[at]!);
      if (at === count || remote!.uids[at] !== uid) {
        missing.push({ uid, messageId: messageIdOf(guid) });
        continue;
      }
      const there = remote!.messageIds[at]!;
      const wanted = listedFlags(record);
      if (there !== messageIdOf(guid) && there !== NO_MESSAGE_ID) {
        expunged.push(uid);
        missing.push({ uid, messageId: messageIdOf(guid) });
      } else if (remote!.flags[at] !== flagText(wanted)) flags.push({ uid, flags: wanted });
      at++;
    }
  }
  for (; at < count; at++) expunged.push(remote!.uids[at]!);
  return {
    own,
    remote,
    flags,
    expunged,
    missing,
    lastSeen,
    seenUids: printRanges(rangesOf(seen)),
    aclDiffers: remote !== undefined && remote.acl !== printTextAcl(own.acl),
    seenDiffers: remote === undefined || remote.lastSeen !== lastSeen || remote.lastUid < own.lastUid,
  };
}
