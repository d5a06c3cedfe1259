import { command } from "../command.ts";

/** UNAUTHENTICATE: RFC 5804 §2.14. */
export const unauthenticate = command({
  name: "UNAUTHENTICATE",
  state: "authenticated",
  run(session, args) {
    args.end();
    session.logout();
    return {};
  },
});
