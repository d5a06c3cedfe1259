import { printResponse } from "../codec/writer.ts";
import { command } from "../command.ts";

/** LOGOUT: RFC 5804 §2.3. */
export const logout = command({
  name: "LOGOUT",
  state: "any",
  run(session) {
    session.end(printResponse("OK", "Bye"));
    return undefined;
  },
});
