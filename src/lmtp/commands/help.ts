import { command } from "../command.ts";

/** HELP: RFC 5321 §4.1.1.8. */
export const help = command({
  name: "HELP",
  needsGreeting: false,
  run: () => "214 2.0.0 LMTP, RFC 2033: LHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT",
});
