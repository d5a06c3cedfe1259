import { type SaslVoice, startSaslDialogue } from "../../directory/sasl-dialogue.ts";
import { printString } from "../codec/writer.ts";
import { command, type Result } from "../command.ts";
import { Refusal } from "../reply.ts";
import type { ManagesieveSession } from "../session.ts";

/** AUTHENTICATE: RFC 5804 §2.1. */
export const authenticate = command({
  name: "AUTHENTICATE",
  state: "notAuthenticated",
  async run(session, args) {
    const mechanism = args.text("The mechanism").toUpperCase();
    const initial = args.left > 0 ? args.text("The response") : undefined;
    args.end();
    const exchange = session.startSasl(mechanism);
    return startSaslDialogue(exchange, initial, voiceOf(session));
  },
});

const voiceOf = (session: ManagesieveSession): SaslVoice<Result> => ({
  hasDataWithSuccess: true,
  hasEmptyMark: false,
  challenge(base64, answer) {
    session.write(`${printString(base64)}\r\n`);
    session.expectLine((args) => {
      const text = args.text("The response");
      args.end();
      return answer(text);
    });
    return undefined;
  },
  async success(identity, data) {
    if (!(await session.login(identity))) return undefined;
    return { text: "Authenticated", ...(data === undefined ? {} : { code: `SASL "${data}"` }) };
  },
  refusal: (why) => new Refusal(why === "cancelled" ? "Authentication cancelled" : "Not base64"),
});
