import { toUid } from "../../base/numbers.ts";
import { syncCommand } from "../command.ts";
import { responseLine } from "../codec/response-line.ts";
import { readFields } from "../fields.ts";
import { SyncRefusal, SyncReply } from "../reply.ts";
import { findMailbox } from "./get-mailboxes.ts";

/** GET FETCH %(MBOXNAME m PARTITION p UNIQUEID i GUID g UID n): the bytes of one message. */
export const getFetch = syncCommand({
  name: "FETCH",
  async run(dialogue, reader, send) {
    const fields = readFields(reader);
    const mailbox = findMailbox(dialogue, fields.text("MBOXNAME"));
    if (mailbox.uniqueId !== fields.text("UNIQUEID")) throw new SyncRefusal(SyncReply.moved);
    const guid = fields.text("GUID");
    const bytes = await dialogue.services.store.readBody(mailbox.id, toUid(fields.number("UID")));
    // The one that was asked with: a Cyrus that has no other would end.
    const partition = fields.text("PARTITION");
    await send(responseLine((writer) => writer.raw("MESSAGE").file(partition, guid, bytes)));
  },
});

/** GET FETCH_SIEVE %(USERID u FILENAME f). */
export const getFetchSieve = syncCommand({
  name: "FETCH_SIEVE",
  async run(dialogue, reader, send) {
    const fields = readFields(reader);
    const [user, name] = [fields.text("USERID"), fields.text("FILENAME")];
    const content = await dialogue.scripts.get(user, name);
    if (content === undefined) throw new SyncRefusal(SyncReply.nonexistent);
    await send(
      responseLine((writer) => {
        writer.raw("SIEVE").kvlist((kv) => {
          kv.key("USERID").string(user).key("FILENAME").string(name).key("CONTENT").literal(content);
        });
      }),
    );
  },
});
