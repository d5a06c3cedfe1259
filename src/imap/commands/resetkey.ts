import { Right } from "../../store/acl.ts";
import type { Mailbox } from "../../store/model.ts";
import { command } from "../command.ts";
import { bad, no } from "../refusal.ts";
import { MECHANISM } from "../urlauth/authorized.ts";
import { resetKey } from "../urlauth/token.ts";

/** RESETKEY: RFC 4467 §7: `RESETKEY [SP mailbox *(SP mechanism)]`; without a mailbox for all of them. */
export const resetkey = command({
  name: "RESETKEY",
  state: "authenticated",
  parse(reader) {
    if (!reader.skip(" ")) return undefined;
    const mailbox = reader.mailbox();
    while (reader.skip(" ")) {
      const mechanism = reader.keyword();
      if (mechanism !== MECHANISM) throw bad(`URLAUTH mechanism "${mechanism}" is not known`);
    }
    return mailbox;
  },
  async run(session, name) {
    const { services, user } = session;
    if (services.urlAuthSecret === undefined) throw no("URLAUTH is not offered here", "CANNOT");
    const mailbox: Mailbox | undefined = name === undefined ? undefined : session.mailbox(name, Right.read);
    await resetKey(services.store.annotations, user, mailbox);
    return { code: `URLMECH ${MECHANISM}`, text: "Keys changed" };
  },
});
