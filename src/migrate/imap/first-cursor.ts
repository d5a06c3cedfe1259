/** The cursor of a folder that nothing was copied of yet. */
import { type FolderCursor, NO_COUNTS } from "../ledger/cursor.ts";
import type { Folder } from "../../imap/client-folders.ts";
import type { TargetFolder } from "./target.ts";

export function firstCursor(folder: Folder, path: readonly string[], target: TargetFolder): FolderCursor {
  return {
    target: path,
    uidValidity: folder.status?.uidValidity ?? 0,
    uidNext: 1,
    highestModseq: 0,
    messages: 0,
    unseen: 0,
    complete: false,
    keepsUids: target.keepsUids,
    targetUidValidity: target.uidValidity,
    targetUidNext: 1,
    mailboxId: folder.status?.mailboxId ?? "",
    // No folder has it: what is carried over first is seen as a change.
    attributes: "new",
    counts: NO_COUNTS,
  };
}

/** What of the folder itself is carried over, in one word: a change shows. */
export function attributesOf({ isSubscribed, specialUse }: Folder): string {
  return `${isSubscribed ? "subscribed" : ""} ${specialUse ?? ""}`.trim();
}
