import { encodeMutf7 } from "../store/mutf7.ts";
import type { Mailbox, MailboxName } from "../store/model.ts";
import type { MailboxCatalog } from "../store/port.ts";
import { nameFault, textToSegment } from "../store/names.ts";

/** A user's folders looked through for one that differs only in case. */
const MAX_FOLDERS_COMPARED = 1_000;

/**
 * The folder that `user+detail` names: exactly, else by letters alone, since senders and address books change case
 * (Cyrus lmtp_fuzzy_mailbox_match). "/" in the detail goes down the hierarchy.
 */
export function findPlusFolder(
  catalog: MailboxCatalog,
  inbox: MailboxName,
  detail: string,
): Mailbox | undefined {
  const path = detail.split("/").map((part) => textToSegment(encodeMutf7(part.normalize("NFC"))));
  const name = `${inbox}.${path.join(".")}`;
  if (nameFault(name) !== undefined) return undefined;
  const exact = catalog.find(name);
  if (exact !== undefined) return usable(exact);
  const wanted = name.toLowerCase();
  let compared = 0;
  for (const mailbox of catalog.list(inbox)) {
    if (mailbox.name.toLowerCase() === wanted) return usable(mailbox);
    compared += 1;
    if (compared >= MAX_FOLDERS_COMPARED) break;
  }
  return undefined;
}

function usable(mailbox: Mailbox): Mailbox | undefined {
  return mailbox.intermediate || mailbox.type !== "mail" ? undefined : mailbox;
}
