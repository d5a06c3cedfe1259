import type { SaslExchange } from "../../directory/port.ts";
import { capabilitiesOf } from "../capabilities.ts";
import { command, type CompletionLine } from "../command.ts";
import { bad } from "../refusal.ts";
import type { Session } from "../session.ts";

/** Rounds of one exchange; no mechanism of ours needs more than four. */
const MAX_ROUNDS = 16;

/** AUTHENTICATE: RFC 9051 §6.2.2, with an initial response (SASL-IR, RFC 4959). */
export const authenticate = command({
  name: "AUTHENTICATE",
  state: "notAuthenticated",
  parse(reader) {
    const mechanism = reader.sp().keyword();
    return { mechanism, initial: reader.skip(" ") ? reader.rest() : undefined };
  },
  async run(session, { mechanism, initial }) {
    const exchange = session.services.directory.startSasl(mechanism, session.authContext);
    if (initial !== undefined && exchange.serverFirst) throw bad("This mechanism takes no initial response");
    return converse(session, exchange, mechanism, initial);
  },
});

async function converse(
  session: Session,
  exchange: SaslExchange,
  mechanism: string,
  initial: string | undefined,
): Promise<CompletionLine | undefined> {
  let challenge: Buffer | undefined;
  // "=" is an empty initial response (RFC 4959 §3).
  let message = initial === undefined ? undefined : decodeBase64(initial === "=" ? "" : initial);
  if (exchange.serverFirst) message = Buffer.alloc(0);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (message === undefined) {
      session.continuation(challenge?.toString("base64") ?? "");
      const line = await session.nextLine();
      if (line === undefined) return undefined;
      const text = line.toString("latin1");
      if (text === "*") throw bad("Authentication cancelled");
      message = decodeBase64(text);
    }
    const step = await exchange.step(message);
    if (session.ended) return undefined;
    if (step.kind === "done") {
      // IMAP has no place for additional data in the tagged OK: it goes as a last challenge (RFC 9051 §6.2.2).
      if (step.data !== undefined) {
        session.continuation(step.data.toString("base64"));
        const line = await session.nextLine();
        if (line === undefined) return undefined;
        if (line.length > 0) throw bad("Expected an empty line");
      }
      await session.login(step.identity);
      return { code: `CAPABILITY ${capabilitiesOf(session)}`, text: "Authenticated" };
    }
    challenge = step.data;
    message = undefined;
  }
  throw bad("Too many rounds");
}

function decodeBase64(text: string): Buffer {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) throw bad("Bad base64");
  return Buffer.from(text, "base64");
}
