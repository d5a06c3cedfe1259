import type { Mailbox, MailboxName } from "../../store/model.ts";
import { syncCommand } from "../command.ts";
import { responseLine } from "../codec/response-line.ts";
import type { SyncDialogue } from "../dialogue.ts";
import { writeMailbox } from "../codec/mailbox-line.ts";
import { mailboxPieces } from "../codec/mailbox-pieces.ts";
import type { DlistReader } from "../codec/reader.ts";
import { SyncRefusal, SyncReply } from "../reply.ts";
import { turn } from "../turn.ts";

/** Names that Cyrus's client does not want to hear of before it has enabled #sieve mailboxes. */
export function isVisible(dialogue: SyncDialogue, mailbox: Mailbox): boolean {
  return mailbox.type !== "sieve" || dialogue.enabled.has("SIEVE-MAILBOX");
}

/** The response line of one mailbox without its records. */
export function mailboxLine(dialogue: SyncDialogue, mailbox: Mailbox): readonly Buffer[] {
  const annotations = [...dialogue.services.store.annotations.all(mailbox.name)];
  return responseLine((writer) => writeMailbox(writer.raw("MAILBOX"), mailbox, annotations));
}

/** GET MAILBOXES (name …): those that exist; Cyrus 3.6.1, observed. */
export const getMailboxes = syncCommand({
  name: "MAILBOXES",
  async run(dialogue, reader, send) {
    for (const name of texts(reader)) {
      const mailbox = dialogue.services.store.mailboxes.find(name);
      if (mailbox !== undefined && isVisible(dialogue, mailbox)) await send(mailboxLine(dialogue, mailbox));
    }
  },
});

/** GET UNIQUEIDS (id …). */
export const getUniqueIds = syncCommand({
  name: "UNIQUEIDS",
  async run(dialogue, reader, send) {
    for (const id of texts(reader)) {
      const mailbox = dialogue.services.store.mailboxes.byUniqueId(id);
      if (mailbox !== undefined && isVisible(dialogue, mailbox)) await send(mailboxLine(dialogue, mailbox));
    }
  },
});

/** GET FULLMAILBOX name: with every record, tombstones included. Sent in pieces: a large mailbox is never whole in memory. */
export const getFullMailbox = syncCommand({
  name: "FULLMAILBOX",
  async run(dialogue, reader, send) {
    const { store } = dialogue.services;
    const mailbox = findMailbox(dialogue, reader.text());
    const annotations = [...store.annotations.all(mailbox.name)];
    const groups = store.readRecords(mailbox.id, { includeExpunged: true });
    const pieces = mailboxPieces("server", ["*", "MAILBOX"], { mailbox, annotations }, groups);
    for (const piece of pieces) {
      await send(piece);
      // A peer that reads fast is no reason to let the others wait.
      await turn();
    }
  },
});

export function findMailbox(dialogue: SyncDialogue, name: MailboxName): Mailbox {
  const mailbox = dialogue.services.store.mailboxes.find(name);
  if (mailbox === undefined || !isVisible(dialogue, mailbox)) throw new SyncRefusal(SyncReply.nonexistent);
  return mailbox;
}

export function texts(reader: DlistReader): string[] {
  const list: string[] = [];
  reader.list((item) => void list.push(item.text()));
  reader.end();
  return list;
}
