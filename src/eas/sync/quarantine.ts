/**
 * An item that cannot be shown is left out and never blocks its folder. The console lists it with the reason; the user gets
 * one short message about it, whatever number of devices he has.
 */
import type { Clock } from "../../base/io/clock.ts";
import type { Random } from "../../base/io/random.ts";
import { buildMail } from "../../mime/build.ts";
import { printDateHeader } from "../../mime/date.ts";
import type { EasRequest } from "../command.ts";
import { printItemId } from "../folders/server-id.ts";
import type { StateChange } from "../state/port.ts";

/** No second notice about the same item in this time. */
const NOTICE_SECONDS = 365 * 86_400;
/** Of a reason, in the state and in the notice. */
const MAX_REASON_CHARACTERS = 500;

export interface BadItem {
  readonly collectionId: string;
  readonly folderKey: string;
  readonly folderName: string;
  readonly uid: number;
  readonly receivedAt: number | undefined;
  readonly error: unknown;
}

export async function quarantine(
  request: EasRequest,
  item: BadItem,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): Promise<void> {
  const { states, account, device, log } = request;
  const { userId, deviceId } = device;
  const reason = reasonOf(item.error);
  log.error("item left out", {
    folder: item.folderName,
    collection: item.collectionId,
    uid: item.uid,
    reason,
    err: item.error,
  });
  const key = printItemId(item.collectionId, item.uid);
  const value = Buffer.from(reason);
  // False when it stands there already.
  await states.put([{ userId, deviceId, kind: "quarantine", key, expected: 0, value }]);
  const notice = { userId, deviceId: "", kind: "quarantine", key: `${item.folderKey}:${item.uid}` } as const;
  if (!(await states.remember(notice, NOTICE_SECONDS))) return;
  try {
    const inbox = (await account.folders()).find(({ use }) => use === "inbox");
    if (inbox === undefined) return;
    const collection = await account.openMail(inbox.key);
    try {
      const nowMs = clock.nowMs();
      const boundary = random.bytes(12).toString("hex");
      const mail = noticeMail(item, account.addresses[0] ?? userId, reason, nowMs, boundary);
      await collection.append(mail, { systemFlags: 0, keywords: [] });
    } finally {
      collection.release();
    }
  } catch (error) {
    // The item is left out all the same; the log and the console say so.
    log.warn("notice about an item that was left out not written", { err: error });
  }
}

/** What was left out of a collection is tried again: the console lists it anew if it fails anew. */
export async function emptyQuarantine({ states, device }: EasRequest, collectionId: string): Promise<void> {
  const { userId, deviceId } = device;
  const listed = await states.list(userId, deviceId, "quarantine");
  const changes = listed
    .filter(({ key }) => key.startsWith(`${collectionId}:`))
    .map(({ key, version }): StateChange => {
      return { userId, deviceId, kind: "quarantine", key, expected: version, value: undefined };
    });
  if (changes.length > 0) await states.put(changes);
}

function noticeMail(item: BadItem, address: string, reason: string, nowMs: number, unique: string): Buffer {
  const domain = address.includes("@") ? address.slice(address.lastIndexOf("@") + 1) : "localhost";
  const received =
    item.receivedAt === undefined ? "" : `, received ${printDateHeader(item.receivedAt * 1000)},`;
  const text = [
    `One message in the folder "${item.folderName}"${received} cannot be shown on your mobile devices.`,
    "All other messages are synchronised. You can still read it with a mail program on a computer.",
    "",
    `For your administrator: ${reason}`,
    "",
  ].join("\r\n");
  return buildMail({
    headers: [
      ["From", `Mail system <postmaster@${domain}>`],
      ["To", address],
      ["Subject", "A message cannot be shown on your mobile devices"],
      ["Date", printDateHeader(nowMs)],
      ["Message-ID", `<${unique}@${domain}>`],
      ["Auto-Submitted", "auto-generated"],
    ],
    parts: [{ type: "text/plain", content: text }],
    boundary: unique,
  });
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.slice(0, MAX_REASON_CHARACTERS);
}
