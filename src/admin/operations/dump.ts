import { SystemFlag } from "../../store/model.ts";
import { getMailbox } from "../mailbox-name.ts";
import type { Operation } from "../operation.ts";

/** The rows of this many messages are made before the event loop gets its turn. */
const ROWS_A_TURN = 256;

/** Everything the store knows of a mailbox, for people: the header as the result, one row a message. */
export const dump: Operation = {
  name: "dump",
  async run(node, fields, output) {
    const { id } = getMailbox(node, fields.string("mailbox"));
    fields.end();
    const view = await node.store.open(id);
    try {
      const { mailbox, count } = view;
      for (let index = 0; index < count; index += 1) {
        const { uid, modseq, sizeBytes, guid, internalDate, systemFlags, keywords, threadId, annotations } =
          view.record(index);
        await output.row({
          uid,
          modseq,
          flags: [...flagNames(systemFlags), ...keywords],
          sizeBytes,
          internalDate: new Date(internalDate * 1000).toISOString(),
          guid,
          threadId,
          annotations: annotations.map(({ entry, userId, value }) => ({
            entry,
            userId,
            value: value.toString(),
          })),
        });
        if (index % ROWS_A_TURN === ROWS_A_TURN - 1) await new Promise((turn) => setImmediate(turn));
      }
      const { acl, ...header } = mailbox;
      return {
        ...header,
        quotaRoot: header.quotaRoot ?? null,
        acl: acl.map(({ identifier, rights }) => ({ identifier, rights })),
      };
    } finally {
      view.release();
    }
  },
};

function flagNames(systemFlags: number): string[] {
  return Object.entries(SystemFlag)
    .filter(([, bit]) => (systemFlags & bit) !== 0)
    .map(([name]) => `\\${name.charAt(0).toUpperCase()}${name.slice(1)}`);
}
