import type { UserId } from "../../store/model.ts";
import { inboxOf, isDeletedName } from "../../store/names.ts";
import { syncCommand } from "../command.ts";
import { responseLine } from "../codec/response-line.ts";
import type { Send, SyncDialogue } from "../dialogue.ts";
import { isVisible, mailboxLine } from "./get-mailboxes.ts";
import { quotaLine } from "./get-quota.ts";

/** GET USER name: every mailbox of the user, DELETED ones too, then quota and what GET META gives. Cyrus 3.6.1, observed. */
export const getUser = syncCommand({
  name: "USER",
  async run(dialogue, reader, send) {
    const user = reader.text();
    const { store } = dialogue.services;
    let found = false;
    for (const mailbox of mailboxesOf(dialogue, user)) {
      found = true;
      if (isVisible(dialogue, mailbox)) await send(mailboxLine(dialogue, mailbox));
    }
    if (!found) return;
    for (const root of store.quotas.list(inboxOf(user))) await send(quotaLine(root));
    await sendMeta(dialogue, user, send);
  },
});

/** GET META name: seen states, subscriptions, scripts. */
export const getMeta = syncCommand({
  name: "META",
  run: (dialogue, reader, send) => sendMeta(dialogue, reader.text(), send),
});

function* mailboxesOf(
  dialogue: SyncDialogue,
  user: UserId,
): Iterable<ReturnType<typeof dialogue.services.store.mailboxes.get>> {
  const { mailboxes } = dialogue.services.store;
  yield* mailboxes.ofUser(user);
  const inbox = inboxOf(user);
  const domainEnd = inbox.indexOf("!") + 1;
  const deleted = `${inbox.slice(0, domainEnd)}DELETED.${inbox.slice(domainEnd)}`;
  for (const mailbox of mailboxes.list(`${deleted}.`)) if (isDeletedName(mailbox.name)) yield mailbox;
}

async function sendMeta(dialogue: SyncDialogue, user: UserId, send: Send): Promise<void> {
  const { store } = dialogue.services;
  for (const seen of store.seen.ofUser(user)) {
    await send(
      responseLine((writer) => {
        writer.raw("SEEN").kvlist((kv) => {
          kv.key("UNIQUEID").string(seen.uniqueId).key("LASTREAD").number(seen.lastRead);
          kv.key("LASTUID").number(seen.lastUid).key("LASTCHANGE").number(seen.lastChange);
          kv.key("SEENUIDS").string(seen.seenUids);
        });
      }),
    );
  }
  const subscribed = [...store.subscriptions.list(user)];
  if (subscribed.length > 0) {
    await send(
      responseLine((writer) => {
        writer.raw("LSUB").list((list) => {
          for (const name of subscribed) list.string(name);
        });
      }),
    );
  }
  if (dialogue.enabled.has("SIEVE-MAILBOX")) return;
  for (const script of await dialogue.scripts.list(user)) {
    await send(
      responseLine((writer) => {
        writer.raw("SIEVE").kvlist((kv) => {
          kv.key("FILENAME").string(script.name).key("LAST_UPDATE").number(script.lastUpdate);
          kv.key("GUID")
            .raw(script.guid)
            .key("ISACTIVE")
            .number(script.active ? 1 : 0);
        });
      }),
    );
  }
}
