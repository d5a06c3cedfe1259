import { command } from "../command.ts";
import { withWarnings } from "../reply.ts";

/** PUTSCRIPT: RFC 5804 §2.6. A script that does not compile is refused with line and column; the old one stays. */
export const putscript = command({
  name: "PUTSCRIPT",
  state: "authenticated",
  async run(session, args) {
    const name = args.text("The script's name");
    // A copy: what the connection gave us is not ours to keep.
    const content = Buffer.from(args.bytes("the script"));
    args.end();
    return withWarnings(await session.ports.scripts.put(session.userId, name, content));
  },
});
