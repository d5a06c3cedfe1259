import type { SaslExchange } from "../../directory/port.ts";
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
    if (initial === undefined) {
      if (!exchange.serverFirst) return challenge(session, exchange, Buffer.alloc(0));
      return step(session, exchange, Buffer.alloc(0));
    }
    return step(session, exchange, decode(initial));
  },
});

async function step(session: LmtpSession, exchange: SaslExchange, message: Buffer): Promise<Reply> {
  const result = await exchange.step(message);
  if (result.kind === "challenge") return challenge(session, exchange, result.data);
  const finish = (): Reply => {
    session.authenticate(result.identity);
    return "235 2.7.0 Authenticated";
  };
  if (result.data === undefined) return finish();
  // Additional data with success: sent as a last challenge that the client answers with nothing (RFC 4422 §3.6).
  session.expectLine((line) => {
    if (line === "*") throw new Refusal("501 5.7.0 Authentication cancelled");
    return finish();
  });
  return `334 ${result.data.toString("base64")}`;
}

function challenge(session: LmtpSession, exchange: SaslExchange, data: Buffer): Reply {
  session.expectLine((line) => {
    if (line === "*") throw new Refusal("501 5.7.0 Authentication cancelled");
    return step(session, exchange, decode(line));
  });
  return `334 ${data.toString("base64")}`;
}

/** "=" stands for an empty initial response (RFC 4954 §4). */
function decode(text: string): Buffer {
  if (text === "=") return Buffer.alloc(0);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) {
    throw new Refusal("501 5.5.2 Not base64");
  }
  return Buffer.from(text, "base64");
}
