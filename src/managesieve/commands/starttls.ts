import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** STARTTLS: RFC 5804 §2.2. */
export const starttls = command({
  name: "STARTTLS",
  state: "notAuthenticated",
  async run(session, args) {
    args.end();
    if (session.connection.tls !== undefined) throw new Refusal("TLS is on already");
    if (!session.canStartTls) throw new Refusal("TLS is not available");
    await session.startTls();
    return undefined;
  },
});
