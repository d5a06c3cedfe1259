import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** PASS: RFC 1939 §7. Everything behind the first space is the password. */
export const pass = command({
  name: "PASS",
  state: "authorization",
  async run(session, argument) {
    const name = session.userName;
    session.userName = undefined;
    if (!session.mayTakePassword) throw new Refusal("Passwords need TLS: STLS comes first");
    if (name === undefined) throw new Refusal("USER comes first");
    return session.login(await session.ports.directory.login(name, argument, session.authContext));
  },
});
