import { capabilitiesOf } from "../capabilities.ts";
import { command, nothing } from "../command.ts";

/**
 * UNAUTHENTICATE: RFC 8437. Everything that belongs to the login goes: selected mailbox, what was enabled, state of
 * extensions. TLS and compression stay as they are (§3).
 */
export const unauthenticate = command({
  name: "UNAUTHENTICATE",
  state: "authenticated",
  parse: nothing,
  run(session) {
    session.logout();
    return { code: `CAPABILITY ${capabilitiesOf(session)}`, text: "Log in again" };
  },
});
