import { command } from "../command.ts";
import { messageNumber } from "../message-number.ts";
import { writeListing } from "../listing.ts";

/** LIST: RFC 1939 §5. */
export const list = command({
  name: "LIST",
  state: "transaction",
  run(session, argument) {
    const { maildrop, out } = session;
    if (argument !== "") {
      const number = messageNumber(maildrop, argument);
      return `+OK ${number} ${maildrop.sizeBytes(number)}`;
    }
    return writeListing(session, `${maildrop.liveCount} messages`, (number) => {
      out.number(number).ascii(" ").number(maildrop.sizeBytes(number)).ascii("\r\n");
    });
  },
});
