import { syncCommand } from "../command.ts";
import { responseLine } from "../codec/response-line.ts";

/** GET ANNOTATION "": server annotations. Those of a mailbox travel with it and are not sent here (Cyrus 3.6.1, observed). */
export const getAnnotation = syncCommand({
  name: "ANNOTATION",
  async run(dialogue, reader, send) {
    const mailbox = reader.text();
    if (mailbox !== "") return;
    for (const { entry, userId, value } of dialogue.services.store.annotations.all("")) {
      await send(
        responseLine((writer) => {
          writer.raw("ANNOTATION").kvlist((kv) => {
            kv.key("MBOXNAME").string("").key("ENTRY").string(entry).key("USERID").string(userId);
            kv.key("VALUE").string(value);
          });
        }),
      );
    }
  },
});
