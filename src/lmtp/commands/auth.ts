import { type SaslVoice, startSaslDialogue } from "../../directory/sasl-dialogue.ts";
import { command } from "../command.ts";
import { Refusal, type Reply } from "../reply.ts";
import type { LmtpSession } from "../session.ts";

/** AUTH: RFC 4954 §4. Needed by peers outside the trusted networks. */
export const auth = command({
  name: "AUTH",
  needsGreeting: true,
  async run(session, argument) {
    if (session.identity !== undefined) throw new Refusal("503 5.5.1 Authenticated already");
    if (session.transaction !== undefined) throw new Refusal("503 5.5.1 Not inside a transaction");
    const [mechanism = "", initial, ...rest] = argument.split(" ");
    if (mechanism === "" || rest.length > 0) throw new Refusal("501 5.5.4 Syntax: AUTH mechanism [response]");
    const exchange = session.startSasl(mechanism.toUpperCase());
    return startSaslDialogue(exchange, initial, voiceOf(session));
  },
});

const voiceOf = (session: LmtpSession): SaslVoice<Reply> => ({
  hasDataWithSuccess: false,
  hasEmptyMark: true,
  challenge(base64, answer) {
    session.expectLine(answer);
    return `334 ${base64}`;
  },
  success(identity) {
    session.authenticate(identity);
    return "235 2.7.0 Authenticated";
  },
  refusal: (why) =>
    new Refusal(why === "cancelled" ? "501 5.7.0 Authentication cancelled" : "501 5.5.2 Not base64"),
});
