import { command } from "../command.ts";

/** SETACTIVE: RFC 5804 §2.8; "" turns filtering off. */
export const setactive = command({
  name: "SETACTIVE",
  state: "authenticated",
  async run(session, args) {
    const name = args.text("The script's name");
    args.end();
    await session.ports.scripts.setActive(session.userId, name);
    return {};
  },
});
