import { command } from "../command.ts";

/** RENAMESCRIPT: RFC 5804 §2.11. An active script stays active. */
export const renamescript = command({
  name: "RENAMESCRIPT",
  state: "authenticated",
  async run(session, args) {
    const name = args.text("The script's name");
    const newName = args.text("The new name");
    args.end();
    await session.ports.scripts.rename(session.userId, name, newName);
    return {};
  },
});
