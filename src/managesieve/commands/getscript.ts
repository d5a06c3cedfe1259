import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** GETSCRIPT: RFC 5804 §2.9. Octet for octet as it was put. */
export const getscript = command({
  name: "GETSCRIPT",
  state: "authenticated",
  async run(session, args) {
    const name = args.text("The script's name");
    args.end();
    const content = await session.ports.scripts.find(session.userId, name);
    if (content === undefined) throw new Refusal("There is no such script", "NONEXISTENT");
    session.write(Buffer.concat([Buffer.from(`{${content.length}}\r\n`), content, Buffer.from("\r\n")]));
    return {};
  },
});
