import type { Finding } from "../../store/maintenance/check/finding.ts";
import type { Operation } from "../operation.ts";

/** Findings told one by one; all of them are counted. */
const MAX_ROWS = 10_000;

/** Checks the whole store, one row a finding; with `repair` mends what can be mended. */
export const check: Operation = {
  name: "check",
  async run(node, fields, output) {
    const isRepairing = fields.findBoolean("repair") ?? false;
    const isQuick = fields.findBoolean("quick") ?? false;
    fields.end();
    const findings: Finding[] = [];
    let count = 0;
    let repairable = 0;
    const plan = await node.maintenance.check({ isQuick }, (event) => {
      if (event.kind === "progress") {
        output.progress({ what: event.what, done: event.done, total: event.total });
        return;
      }
      count += 1;
      if (event.finding.repair !== undefined) repairable += 1;
      if (findings.length < MAX_ROWS) findings.push(event.finding);
    });
    for (const finding of findings) {
      const { kind, text, mailbox, uid, guid, repair } = finding;
      await output.row({
        kind,
        text,
        mailbox: mailbox ?? null,
        uid: uid ?? null,
        guid: guid ?? null,
        repair: repair ?? null,
      });
      if (isRepairing) node.log.warn("check found", { ...finding });
    }
    const done: string[] = [];
    if (isRepairing && repairable > 0) {
      await node.maintenance.repair(plan, (text) => {
        done.push(text);
        node.log.warn("repaired", { what: text });
      });
    }
    return { findings: count, repairable, done, repaired: isRepairing };
  },
};
