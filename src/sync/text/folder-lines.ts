/**
 * A folder's state as the text dialect shows it (S5.7, S5.8):
 *
 *     ** uniqueid folder "acl" uidlast lastseen
 *     * uid guid (flags)                              ascending; flags without \Seen, system flags in lower case
 */
import { SystemFlag, type Mailbox, type MessageRecord } from "../../store/model.ts";
import { flagNames } from "../codec/record.ts";
import { DlistWriter } from "../codec/writer.ts";
import { printTextAcl } from "./acl-text.ts";
import { messageIdOf } from "./message-id.ts";

/** Flags that a listing does not show: \Seen travels by SETSEEN. */
export const UNLISTED_FLAGS = SystemFlag.seen | SystemFlag.expunged;

export function folderLine(mailbox: Mailbox): readonly Buffer[] {
  const writer = new DlistWriter("server").raw("**").string(mailbox.uniqueId).string(mailbox.name);
  return writer.string(printTextAcl(mailbox.acl)).number(mailbox.lastUid).number(mailbox.recentTime).line();
}

/** Lines of several messages in one piece. */
export function messageLines(records: readonly MessageRecord[]): Buffer {
  let text = "";
  for (const record of records) {
    text += `* ${record.uid} ${messageIdOf(record.guid)} (${listedFlags(record).join(" ")})\r\n`;
  }
  return Buffer.from(text, "latin1");
}

export function listedFlags({
  systemFlags,
  keywords,
}: Pick<MessageRecord, "systemFlags" | "keywords">): readonly string[] {
  return flagNames(systemFlags & ~UNLISTED_FLAGS, keywords).map((name) =>
    name.startsWith("\\") ? name.toLowerCase() : name,
  );
}
