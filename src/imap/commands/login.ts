import { capabilitiesOf } from "../capabilities.ts";
import { command } from "../command.ts";
import { no } from "../refusal.ts";

/** LOGIN: RFC 9051 §6.2.3. */
export const login = command({
  name: "LOGIN",
  state: "notAuthenticated",
  parse: (reader) => ({ name: reader.sp().astring(), password: reader.sp().astring() }),
  async run(session, { name, password }) {
    if (!session.mayTakePassword) throw no("Passwords need TLS here", "PRIVACYREQUIRED");
    const identity = await session.services.directory.login(name, password, session.authContext);
    if (session.ended) return undefined;
    await session.login(identity);
    return { code: `CAPABILITY ${capabilitiesOf(session)}`, text: "Logged in" };
  },
});
