import { capabilitiesOf } from "../capabilities.ts";
import { command, nothing } from "../command.ts";

/** CAPABILITY: RFC 9051 §6.1.1. */
export const capability = command({
  name: "CAPABILITY",
  state: "any",
  parse: nothing,
  run(session) {
    session.untagged(`CAPABILITY ${capabilitiesOf(session)}`);
  },
});
