import type { SyncCommand } from "../command.ts";
import { applyMailbox } from "./apply-mailbox.ts";
import { applyCapabilities, applyForce, applyMessage, applyReserve } from "./apply-message.ts";
import {
  applyActivateSieve,
  applyAnnotation,
  applyQuota,
  applySeen,
  applySieve,
  applySub,
  applyUnactivateSieve,
  applyUnannotation,
  applyUnquota,
  applyUnsieve,
  applyUnsub,
} from "./apply-meta.ts";
import { applyExpunge, applyRename, applyUnmailbox, applyUnuser } from "./apply-names.ts";
import { getAnnotation } from "./get-annotation.ts";
import { getFetch, getFetchSieve } from "./get-fetch.ts";
import { getFullMailbox, getMailboxes, getUniqueIds } from "./get-mailboxes.ts";
import { getQuota } from "./get-quota.ts";
import { getMeta, getUser } from "./get-user.ts";

function table(...commands: readonly SyncCommand[]): ReadonlyMap<string, SyncCommand> {
  return new Map(commands.map((command) => [command.name, command]));
}

/** Everything after GET. */
export const getTable = table(
  getAnnotation,
  getFetch,
  getFetchSieve,
  getFullMailbox,
  getMailboxes,
  getMeta,
  getQuota,
  getUniqueIds,
  getUser,
);

/** Everything after APPLY. LOCAL_ forms leave the murder's directory out, which a replica never asks anyway. */
export const applyTable = table(
  applyActivateSieve,
  applyAnnotation,
  applyCapabilities,
  applyExpunge,
  applyForce,
  applyMailbox,
  applyMessage,
  applyQuota,
  applyRename,
  applyReserve,
  applySeen,
  applySieve,
  applySub,
  applyUnactivateSieve,
  applyUnannotation,
  applyUnmailbox,
  applyUnquota,
  applyUnsieve,
  applyUnsub,
  applyUnuser,
  { ...applyMailbox, name: "LOCAL_MAILBOX" },
  { ...applyRename, name: "LOCAL_RENAME" },
  { ...applyUnmailbox, name: "LOCAL_UNMAILBOX" },
  { ...applyUnuser, name: "LOCAL_UNUSER" },
);
