import { command } from "../command.ts";

/** RSET: RFC 5321 §4.1.1.5. */
export const rset = command({
  name: "RSET",
  needsGreeting: false,
  run(session) {
    session.forgetTransaction();
    return "250 2.0.0 Reset";
  },
});
