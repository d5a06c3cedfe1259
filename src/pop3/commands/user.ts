import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** USER: RFC 1939 §7. The answer does not tell whether the user exists. */
export const user = command({
  name: "USER",
  state: "authorization",
  run(session, argument) {
    if (!session.mayTakePassword) throw new Refusal("Passwords need TLS: STLS comes first");
    if (argument === "") throw new Refusal("Syntax: USER name");
    session.userName = argument;
    return "+OK Password?";
  },
});
