import { command, nothing } from "../command.ts";

/** LOGOUT: RFC 9051 §6.1.3. */
export const logout = command({
  name: "LOGOUT",
  state: "any",
  parse: nothing,
  run(session) {
    // First, so that nothing of the mailbox is told between BYE and the end.
    session.select(undefined);
    session.untagged("BYE Logging out");
    return { afterwards: () => session.close() };
  },
});
