import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/**
 * BDAT: RFC 3030 §2. The chunk follows the line at once, whatever the answer will be: a refused one is read and
 * dropped, otherwise its bytes would be taken for commands.
 */
export const bdat = command({
  name: "BDAT",
  needsGreeting: true,
  run(session, argument) {
    const match = /^(\d{1,15})(?: +(LAST))?$/i.exec(argument);
    if (match === null) {
      // Nobody knows where the next command begins.
      session.hangUp("501 5.5.4 Syntax: BDAT size [LAST]");
      return undefined;
    }
    const sizeBytes = Number(match[1]);
    session.startChunk(
      sizeBytes,
      match[2] !== undefined,
      refusalOf(() => session.requireRecipients()),
    );
    return undefined;
  },
});

function refusalOf(check: () => unknown): Refusal | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
}
