import { command } from "../command.ts";

/** CHECKSCRIPT: RFC 5804 §2.12. */
export const checkscript = command({
  name: "CHECKSCRIPT",
  state: "authenticated",
  run(session, args) {
    const content = args.bytes("the script");
    args.end();
    session.ports.scripts.check(content);
    return {};
  },
});
