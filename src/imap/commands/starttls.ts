import { command, nothing } from "../command.ts";
import { bad } from "../refusal.ts";

/** STARTTLS: RFC 9051 §6.2.1. What the client sent in the clear behind it is thrown away (CVE-2011-0411). */
export const starttls = command({
  name: "STARTTLS",
  state: "notAuthenticated",
  parse: nothing,
  run(session) {
    if (!session.canStartTls)
      throw bad(session.connection.tls ? "TLS is on already" : "No certificate to offer");
    return { text: "Begin TLS negotiation now", afterwards: () => session.startTls() };
  },
});
