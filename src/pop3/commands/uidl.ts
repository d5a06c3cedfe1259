import { command } from "../command.ts";
import { messageNumber } from "../message-number.ts";
import { writeListing } from "../listing.ts";

/** UIDL: RFC 1939 §7. */
export const uidl = command({
  name: "UIDL",
  state: "transaction",
  run(session, argument) {
    const { maildrop, out } = session;
    if (argument !== "") {
      const number = messageNumber(maildrop, argument);
      return `+OK ${number} ${maildrop.uniqueId(number)}`;
    }
    return writeListing(session, "Unique ids follow", (number) => {
      out.number(number).ascii(" ").ascii(maildrop.uniqueId(number)).ascii("\r\n");
    });
  },
});
