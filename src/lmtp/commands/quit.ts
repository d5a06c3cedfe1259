import { command } from "../command.ts";

/** QUIT: RFC 5321 §4.1.1.10. */
export const quit = command({
  name: "QUIT",
  needsGreeting: false,
  run(session) {
    session.hangUp("221 2.0.0 Bye");
    return undefined;
  },
});
