import { command } from "../command.ts";

/** DELETESCRIPT: RFC 5804 §2.10. */
export const deletescript = command({
  name: "DELETESCRIPT",
  state: "authenticated",
  async run(session, args) {
    const name = args.text("The script's name");
    args.end();
    await session.ports.scripts.delete(session.userId, name);
    return {};
  },
});
