import { command } from "../command.ts";
import { replyTo } from "../reply.ts";

/** QUIT: RFC 1939 §4 and §6. After login it removes what DELE marked. */
export const quit = command({
  name: "QUIT",
  state: "any",
  async run(session) {
    if (session.isLoggedIn) {
      try {
        await session.update();
      } catch (error) {
        const reply = replyTo(error);
        if (reply === undefined) throw error;
        // RFC 1939 §6: none removed, and the client is told.
        session.end("-ERR [SYS/TEMP] Deleted messages not removed");
        return undefined;
      }
    }
    session.end("+OK Bye");
    return undefined;
  },
});
