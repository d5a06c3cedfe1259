import { command } from "../command.ts";
import { withWarnings } from "../reply.ts";

/** CHECKSCRIPT: RFC 5804 §2.12. */
export const checkscript = command({
  name: "CHECKSCRIPT",
  state: "authenticated",
  run(session, args) {
    const content = args.bytes("the script");
    args.end();
    return withWarnings(session.ports.scripts.check(content));
  },
});
