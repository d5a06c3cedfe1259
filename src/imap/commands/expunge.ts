import { Right } from "../../store/acl.ts";
import { command } from "../command.ts";
import { no } from "../refusal.ts";

/** EXPUNGE: RFC 9051 §6.4.3; UID EXPUNGE: §6.4.9. The EXPUNGE responses come from the dispatcher's updates. */
export const expunge = command({
  name: "EXPUNGE",
  state: "selected",
  uid: true,
  expunges: true,
  parse: (reader, _session, { by }) => (by === "uid" ? reader.sp().sequenceSet() : undefined),
  async run(session, set) {
    const { selected } = session;
    if (selected.readOnly) throw no("Mailbox is read-only", "READ-ONLY");
    if ((selected.rights & Right.expunge) === 0) throw no("Needs the right e", "NOPERM");
    const uids = set === undefined ? "all" : selected.resolve(set, "uid");
    const { modseq } = await session.services.store.expunge(
      selected.id,
      uids,
      { onlyDeleted: true },
      session.by,
    );
    // RFC 7162 §3.2.7
    return session.enabled.has("QRESYNC") ? { code: `HIGHESTMODSEQ ${modseq}` } : undefined;
  },
});
