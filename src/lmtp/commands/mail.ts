import { parsePathArgument } from "../codec/path.ts";
import { command } from "../command.ts";
import { Refusal } from "../reply.ts";
import type { BodyKind } from "../transaction.ts";

/** MAIL FROM: RFC 5321 §4.1.1.2, SIZE (RFC 1870), BODY (RFC 6152, RFC 3030), SMTPUTF8 (RFC 6531), AUTH (RFC 4954 §5). */
export const mail = command({
  name: "MAIL",
  needsGreeting: true,
  run(session, argument) {
    session.requirePeerMayDeliver();
    if (session.transaction !== undefined) throw new Refusal("503 5.5.1 A sender was given already");
    const { path, parameters } = parsePathArgument(argument, "FROM:");
    let sizeBytes = 0;
    let body: BodyKind = "7BIT";
    let smtpUtf8 = false;
    for (const [keyword, value] of parameters) {
      if (keyword === "SIZE" && value !== undefined) sizeBytes = parseSize(value);
      else if (keyword === "BODY" && value !== undefined) body = parseBody(value);
      else if (keyword === "SMTPUTF8" && value === undefined) smtpUtf8 = true;
      // RFC 4954 §5: who first submitted it; of no use to final delivery.
      else if (keyword === "AUTH" && value !== undefined) continue;
      else throw new Refusal(`555 5.5.4 Parameter ${keyword} is not supported`);
    }
    // RFC 6531 §3.5.
    if (!path.isAscii && !smtpUtf8) throw new Refusal("550 5.6.7 A UTF-8 address needs SMTPUTF8");
    const { maxMessageSizeBytes } = session.ports.settings;
    if (maxMessageSizeBytes > 0 && sizeBytes > maxMessageSizeBytes) {
      throw new Refusal("552 5.3.4 Message is too big");
    }
    session.begin({ sender: path.address, senderText: path.text, sizeBytes, body, smtpUtf8, addressees: [] });
    return "250 2.1.0 Sender accepted";
  },
});

/** RFC 1870 §3: up to 20 digits; more than a double holds exactly is too big in any case. */
function parseSize(value: string): number {
  if (!/^\d{1,20}$/.test(value)) throw new Refusal("501 5.5.4 SIZE is not a number");
  return Number(value);
}

function parseBody(value: string): BodyKind {
  const kind = value.toUpperCase();
  if (kind === "7BIT" || kind === "8BITMIME" || kind === "BINARYMIME") return kind;
  throw new Refusal("501 5.5.4 BODY is not 7BIT, 8BITMIME or BINARYMIME");
}
