import { command } from "../command.ts";

/** RSET: RFC 1939 §5. */
export const rset = command({
  name: "RSET",
  state: "transaction",
  run({ maildrop }) {
    maildrop.reset();
    return `+OK Maildrop has ${maildrop.count} messages (${maildrop.liveBytes} octets)`;
  },
});
