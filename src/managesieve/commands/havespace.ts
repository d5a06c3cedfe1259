import { command } from "../command.ts";

/** HAVESPACE: RFC 5804 §2.5. */
export const havespace = command({
  name: "HAVESPACE",
  state: "authenticated",
  async run(session, args) {
    const name = args.text("The script's name");
    const sizeBytes = args.number("the script's size");
    args.end();
    await session.ports.scripts.checkSpace(session.userId, name, sizeBytes);
    return {};
  },
});
