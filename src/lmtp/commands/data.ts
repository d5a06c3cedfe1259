import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** DATA: RFC 5321 §4.1.1.4; the replies after it one for each recipient, RFC 2033 §4.2. */
export const data = command({
  name: "DATA",
  needsGreeting: true,
  run(session, argument) {
    if (argument !== "") throw new Refusal("501 5.5.4 DATA takes no argument");
    const transaction = session.requireRecipients();
    // RFC 3030 §3 and §2: a binary body has no end that DATA could find; chunks and DATA do not mix.
    if (transaction.body === "BINARYMIME") throw new Refusal("503 5.5.1 A binary message needs BDAT");
    if (session.isChunked) throw new Refusal("503 5.5.1 Message was begun with BDAT");
    session.startData();
    return "354 End with <CR><LF>.<CR><LF>";
  },
});
