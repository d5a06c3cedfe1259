import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** STLS: RFC 2595 §4. What was said in the clear is forgotten. */
export const stls = command({
  name: "STLS",
  state: "authorization",
  async run(session, argument) {
    if (argument !== "") throw new Refusal("STLS takes no argument");
    if (session.connection.tls !== undefined) throw new Refusal("TLS is on already");
    if (!session.ports.tlsAvailable) throw new Refusal("TLS is not available");
    await session.startTls("+OK Ready to start TLS");
    return undefined;
  },
});
