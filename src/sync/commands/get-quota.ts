import type { QuotaRoot } from "../../store/model.ts";
import { syncCommand } from "../command.ts";
import { responseLine } from "../codec/response-line.ts";

const KIB = 1024;
/** LIMIT of a root without a limit of storage. */
export const UNLIMITED = 4_294_967_295;

/** `* QUOTA %(ROOT r LIMIT n STORAGE n MESSAGE n … MODSEQ n)`: only resources with a limit stand there (Cyrus 3.6.1, observed). */
export function quotaLine(root: QuotaRoot): readonly Buffer[] {
  return responseLine((writer) => {
    writer.raw("QUOTA").kvlist((kv) => {
      kv.key("ROOT").string(root.root);
      const storage =
        root.storageLimitBytes === undefined ? undefined : Math.ceil(root.storageLimitBytes / KIB);
      kv.key("LIMIT").number(storage ?? UNLIMITED);
      if (storage !== undefined) kv.key("STORAGE").number(storage);
      if (root.messageLimit !== undefined) kv.key("MESSAGE").number(root.messageLimit);
      if (root.annotationStorageLimitBytes !== undefined) {
        kv.key("X-ANNOTATION-STORAGE").number(Math.ceil(root.annotationStorageLimitBytes / KIB));
      }
      if (root.mailboxLimit !== undefined) kv.key("X-NUM-FOLDERS").number(root.mailboxLimit);
      kv.key("MODSEQ").number(root.modseq);
    });
  });
}

/** GET QUOTA root. */
export const getQuota = syncCommand({
  name: "QUOTA",
  async run(dialogue, reader, send) {
    const root = dialogue.services.store.quotas.get(reader.text());
    if (root !== undefined) await send(quotaLine(root));
  },
});
