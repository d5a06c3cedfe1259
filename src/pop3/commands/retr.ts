import { command } from "../command.ts";
import { messageNumber } from "../message-number.ts";
import { readPieces } from "../message-pieces.ts";
import { DotStuffer } from "../../wire/dot-writer.ts";

/** RETR: RFC 1939 §5. */
export const retr = command({
  name: "RETR",
  state: "transaction",
  async run(session, argument) {
    const { maildrop, out } = session;
    const number = messageNumber(maildrop, argument);
    const stuffer = new DotStuffer();
    const whole = await readPieces(session, number, `${maildrop.sizeBytes(number)} octets`, (piece) => {
      for (const bytes of stuffer.push(piece)) out.bytes(bytes);
      return true;
    });
    if (!whole) return undefined;
    out.bytes(stuffer.end());
    session.noteFetched(number);
    return undefined;
  },
});
