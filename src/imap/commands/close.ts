import { Right } from "../../store/acl.ts";
import { command, nothing } from "../command.ts";

/** CLOSE: RFC 9051 §6.4.1. Expunges without telling, where the user may. */
export const close = command({
  name: "CLOSE",
  state: "selected",
  parse: nothing,
  async run(session) {
    const { selected } = session;
    if (
      !selected.readOnly &&
      (selected.rights & Right.expunge) !== 0 &&
      selected.mailbox.flaggedDeleted > 0
    ) {
      const { modseq } = await session.services.store.expunge(
        selected.id,
        "all",
        { onlyDeleted: true },
        session.by,
      );
      session.select(undefined);
      // RFC 7162 §3.2.8: the client keeps it as what it knows.
      return session.enabled.has("QRESYNC") ? { code: `HIGHESTMODSEQ ${modseq}` } : undefined;
    }
    session.select(undefined);
    return undefined;
  },
});

/** UNSELECT: RFC 9051 §6.4.2. */
export const unselect = command({
  name: "UNSELECT",
  state: "selected",
  parse: nothing,
  run: (session) => session.select(undefined),
});
