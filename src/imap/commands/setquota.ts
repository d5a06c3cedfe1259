import { StoreError } from "../../store/errors.ts";
import { command } from "../command.ts";
import { readLimits, writeQuota } from "../quota/resources.ts";
import { no } from "../refusal.ts";

/** SETQUOTA: RFC 9208 §4.1.3 (QUOTASET). Admins only. A root may stand at any mailbox; it is made when it is new. */
export const setquota = command({
  name: "SETQUOTA",
  state: "authenticated",
  parse: (reader) => ({ name: reader.sp().astring(), limits: readLimits(reader.sp()) }),
  async run(session, { name, limits }) {
    if (!session.accessor.isAdmin) throw no("Only an administrator may set limits", "NOPERM");
    const { quotas, mailboxes } = session.services.store;
    const root = session.internalName(name);
    if (quotas.get(root) === undefined && mailboxes.find(root) === undefined) {
      throw new StoreError("mailbox_not_found", "mailbox does not exist");
    }
    await quotas.set(root, limits);
    const changed = quotas.get(root);
    if (changed !== undefined && !session.ended) writeQuota(session, changed);
  },
});
