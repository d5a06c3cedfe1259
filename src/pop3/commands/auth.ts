import type { SaslExchange } from "../../directory/port.ts";
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
    if (initial === undefined) {
      if (!exchange.serverFirst) return challenge(session, exchange, Buffer.alloc(0));
      return step(session, exchange, Buffer.alloc(0));
    }
    return step(session, exchange, decode(initial));
  },
});

async function step(session: Pop3Session, exchange: SaslExchange, message: Buffer): Promise<Reply> {
  const result = await exchange.step(message);
  if (result.kind === "challenge") return challenge(session, exchange, result.data);
  if (result.data === undefined) return session.login(result.identity);
  // Additional data with success: sent as a last challenge that the client answers with nothing (RFC 4422 §3.6).
  session.expectLine((line) => {
    if (line === "*") throw new Refusal("Authentication cancelled");
    return session.login(result.identity);
  });
  return `+ ${result.data.toString("base64")}`;
}

function challenge(session: Pop3Session, exchange: SaslExchange, data: Buffer): Reply {
  session.expectLine((line) => {
    if (line === "*") throw new Refusal("Authentication cancelled");
    return step(session, exchange, decode(line));
  });
  return `+ ${data.toString("base64")}`;
}

/** "=" stands for an empty initial response (RFC 5034 §4). */
function decode(text: string): Buffer {
  if (text === "=") return Buffer.alloc(0);
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new Refusal("Not base64");
  return Buffer.from(text, "base64");
}
