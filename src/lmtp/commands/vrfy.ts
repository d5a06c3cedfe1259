import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** VRFY: RFC 5321 §3.5.3; who has a mailbox is told only to RCPT. */
export const vrfy = command({
  name: "VRFY",
  needsGreeting: false,
  run(_session, argument) {
    if (argument === "") throw new Refusal("501 5.5.4 Syntax: VRFY address");
    return "252 2.5.2 Cannot verify, but will take a message and try";
  },
});
