import { command } from "../command.ts";
import { messageNumber, wholeNumber } from "../message-number.ts";
import { readPieces } from "../message-pieces.ts";
import { Refusal } from "../reply.ts";
import { TopCutter } from "../top-cutter.ts";
import { DotStuffer } from "../../wire/dot-writer.ts";

/** TOP: RFC 1939 §7. Reads little further than it has to. */
export const top = command({
  name: "TOP",
  state: "transaction",
  async run(session, argument) {
    const { maildrop, out } = session;
    const [first = "", second = "", ...rest] = argument.split(" ");
    if (rest.length > 0 || second === "") throw new Refusal("Syntax: TOP message lines");
    const number = messageNumber(maildrop, first);
    const cutter = new TopCutter(wholeNumber(second));
    const stuffer = new DotStuffer();
    const done = await readPieces(session, number, "Top of the message follows", (piece) => {
      const end = cutter.read(piece);
      for (const bytes of stuffer.push(end < 0 ? piece : piece.subarray(0, end))) out.bytes(bytes);
      return end < 0;
    });
    if (done) out.bytes(stuffer.end());
    return undefined;
  },
});
