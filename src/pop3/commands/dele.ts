import { command } from "../command.ts";
import { messageNumber } from "../message-number.ts";

/** DELE: RFC 1939 §5. Removed at QUIT. */
export const dele = command({
  name: "DELE",
  state: "transaction",
  run({ maildrop }, argument) {
    const number = messageNumber(maildrop, argument);
    maildrop.delete(number);
    return `+OK Message ${number} will be removed`;
  },
});
