import { userOf } from "../../../store/names.ts";
import { SyncRefusal } from "../../reply.ts";
import { isMessageId, messageIdOf } from "../message-id.ts";
import type { TextCommand } from "../text-dialogue.ts";

/** RESERVE folder guid … → `* guid` for each that is there (S5.17): it can be copied until ENDUSER, expunged or not. */
export const reserve: TextCommand = {
  name: "RESERVE",
  needs: "user",
  async run(dialogue, reader, send) {
    const name = reader.sp().text();
    const wanted = new Set<string>();
    while (!reader.atEnd) wanted.add(reader.sp().text());
    const bad = [...wanted].find((text) => !isMessageId(text));
    if (bad !== undefined) throw new SyncRefusal(`BAD "${bad.slice(0, 40)}" is no GUID`);
    const { store } = dialogue.services;
    const mailbox = store.mailboxes.find(name);
    if (mailbox === undefined || mailbox.intermediate || userOf(name) !== dialogue.user) {
      throw new SyncRefusal(`NO There is no folder ${name} of ${dialogue.user}`);
    }
    for (const group of store.readRecords(mailbox.id)) {
      for (const { guid, sizeBytes } of group) {
        const messageId = messageIdOf(guid);
        if (!wanted.delete(messageId)) continue;
        if (!dialogue.reserve(messageId, { guid, sizeBytes, partition: mailbox.partition })) {
          throw new SyncRefusal("NO Too many messages are reserved");
        }
        await send([Buffer.from(`* ${messageId}\r\n`)]);
      }
    }
    return "OK Reserve finished";
  },
};
