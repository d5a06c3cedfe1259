import { command } from "../command.ts";

/** UTF8: RFC 6856 §2. Messages go out as they are stored in either mode. */
export const utf8 = command({
  name: "UTF8",
  state: "authorization",
  run(session) {
    session.utf8 = true;
    return "+OK UTF-8 from now on";
  },
});
