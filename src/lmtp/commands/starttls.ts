import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** STARTTLS: RFC 3207. All that was learned in the clear is forgotten, §4.2. */
export const starttls = command({
  name: "STARTTLS",
  needsGreeting: true,
  async run(session, argument) {
    if (argument !== "") throw new Refusal("501 5.5.4 STARTTLS takes no argument");
    if (session.connection.tls !== undefined) throw new Refusal("503 5.5.1 TLS is on already");
    if (!session.ports.tlsAvailable) throw new Refusal("502 5.5.1 TLS is not available");
    if (session.transaction !== undefined) throw new Refusal("503 5.5.1 Not inside a transaction");
    await session.startTls("220 2.0.0 Ready to start TLS");
    return undefined;
  },
});
