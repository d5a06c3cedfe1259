import { command } from "../command.ts";

/** STAT: RFC 1939 §5. Messages marked as deleted do not count. */
export const stat = command({
  name: "STAT",
  state: "transaction",
  run: ({ maildrop }) => `+OK ${maildrop.liveCount} ${maildrop.liveBytes}`,
});
