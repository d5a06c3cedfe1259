import type { Operation } from "../operation.ts";

const DEFAULT_PERCENT = 60;

/** Gives the disk back what deleted mail took. */
export const compact: Operation = {
  name: "compact",
  async run(node, fields, output) {
    const percent = fields.findCount("belowPercent") ?? DEFAULT_PERCENT;
    fields.end();
    const expired = await node.maintenance.expire();
    const report = await node.maintenance.compact({
      belowLive: Math.min(100, percent) / 100,
      onProgress: (done, total) => output.progress({ what: "segments", done, total }),
    });
    return { ...report, expiredMessages: expired.messages, expiredMailboxes: expired.mailboxes };
  },
};
