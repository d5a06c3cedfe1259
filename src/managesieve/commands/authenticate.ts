import type { SaslExchange } from "../../directory/port.ts";
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
    if (initial !== undefined) return step(session, exchange, decode(initial));
    return exchange.serverFirst
      ? step(session, exchange, Buffer.alloc(0))
      : ask(session, exchange, Buffer.alloc(0));
  },
});

async function step(session: ManagesieveSession, exchange: SaslExchange, message: Buffer): Promise<Result> {
  const result = await exchange.step(message);
  if (result.kind === "challenge") return ask(session, exchange, result.data);
  if (!(await session.login(result.identity))) return undefined;
  const code = result.data === undefined ? {} : { code: `SASL "${result.data.toString("base64")}"` };
  return { text: "Authenticated", ...code };
}

function ask(session: ManagesieveSession, exchange: SaslExchange, data: Buffer): undefined {
  session.write(`${printString(data.toString("base64"))}\r\n`);
  session.expectLine((args) => {
    const text = args.text("The response");
    args.end();
    if (text === "*") throw new Refusal("Authentication cancelled");
    return step(session, exchange, decode(text));
  });
}

function decode(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw new Refusal("Not base64");
  return Buffer.from(text, "base64");
}
