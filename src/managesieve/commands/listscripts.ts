import { printString } from "../codec/writer.ts";
import { command } from "../command.ts";

/** LISTSCRIPTS: RFC 5804 §2.7. */
export const listscripts = command({
  name: "LISTSCRIPTS",
  state: "authenticated",
  async run(session, args) {
    args.end();
    const scripts = await session.ports.scripts.list(session.userId);
    const lines = scripts.map(({ name, isActive }) => `${printString(name)}${isActive ? " ACTIVE" : ""}\r\n`);
    session.write(lines.join(""));
    return {};
  },
});
