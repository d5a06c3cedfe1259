import { printCapabilities } from "../capabilities.ts";
import { command } from "../command.ts";

/** CAPABILITY: RFC 5804 §2.4. */
export const capability = command({
  name: "CAPABILITY",
  state: "any",
  run(session, args) {
    args.end();
    session.write(printCapabilities(session));
    return {};
  },
});
