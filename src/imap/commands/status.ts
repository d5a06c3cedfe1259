import { Right } from "../../store/acl.ts";
import { command } from "../command.ts";
import { readStatusItems, writeStatus } from "../status.ts";

/** STATUS: RFC 9051 §6.3.11. The items are in `status.ts`. */
export const status = command({
  name: "STATUS",
  state: "authenticated",
  parse: (reader, session) => ({ name: reader.sp().mailbox(), items: readStatusItems(reader.sp(), session) }),
  async run(session, { name, items }) {
    await writeStatus(session, session.mailbox(name, Right.read), name, items);
  },
});
