import { type SaslVoice, startSaslDialogue } from "../../directory/sasl-dialogue.ts";
import { command } from "../command.ts";
import { Refusal, type Reply } from "../reply.ts";
import type { Pop3Session } from "../session.ts";

/** AUTH: RFC 5034 §4. Without an argument it lists the mechanisms, as clients older than CAPA expect. */
export const auth = command({
  name: "AUTH",
  state: "authorization",
  async run(session, argument) {
    const [mechanism = "", initial, ...rest] = argument.trim().split(" ");
    if (mechanism === "") {
      const names = session.ports.directory.mechanisms(session.authContext);
      return ["+OK Mechanisms follow", ...names, "."].join("\r\n");
    }
    if (rest.length > 0) throw new Refusal("Syntax: AUTH mechanism [response]");
    const exchange = session.startSasl(mechanism.toUpperCase());
    return startSaslDialogue(exchange, initial, voiceOf(session));
  },
});

const voiceOf = (session: Pop3Session): SaslVoice<Reply> => ({
  hasDataWithSuccess: false,
  hasEmptyMark: true,
  challenge(base64, answer) {
    session.expectLine(answer);
    return `+ ${base64}`;
  },
  success: (identity) => session.login(identity),
  refusal: (why) => new Refusal(why === "cancelled" ? "Authentication cancelled" : "Not base64"),
});
