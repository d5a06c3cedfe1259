import { parsePathArgument } from "../codec/path.ts";
import { command } from "../command.ts";
import { oneLine, Refusal, replyTo } from "../reply.ts";
import type { LmtpSession } from "../session.ts";

/** RCPT TO: RFC 5321 §4.1.1.3. IGNOREQUOTA: Cyrus 3.6.1's extension. */
export const rcpt = command({
  name: "RCPT",
  needsGreeting: true,
  async run(session, argument) {
    const { transaction } = session;
    if (transaction === undefined) throw new Refusal("503 5.5.1 MAIL FROM comes first");
    if (transaction.addressees.length >= session.ports.settings.maxRecipients) {
      throw new Refusal("452 4.5.3 Too many recipients");
    }
    const { path, parameters } = parsePathArgument(argument, "TO:");
    let ignoreQuota = false;
    for (const [keyword, value] of parameters) {
      if (keyword === "IGNOREQUOTA" && value === undefined) ignoreQuota = true;
      else throw new Refusal(`555 5.5.4 Parameter ${keyword} is not supported`);
    }
    if (path.address === "") throw new Refusal("501 5.1.3 A recipient needs an address");
    if (!path.isAscii && !transaction.smtpUtf8) {
      throw new Refusal("553 5.6.7 A UTF-8 address needs SMTPUTF8");
    }
    try {
      const addressee = await session.ports.delivery.resolve(path.address, {
        sizeBytes: transaction.sizeBytes,
        ignoreQuota,
        authenticatedAs: session.identity?.userId ?? "",
      });
      transaction.addressees.push(addressee);
    } catch (error) {
      logRefusal(session, transaction.sender, path.address, error);
      throw error;
    }
    return "250 2.1.5 Recipient accepted";
  },
});

/** The operator's answer to "my mail did not arrive"; faults of ours are logged where they end the session. */
function logRefusal(session: LmtpSession, sender: string, recipient: string, error: unknown): void {
  const reply = replyTo(error);
  if (reply === undefined) return;
  session.ports.log.info("recipient refused", {
    session: session.id,
    sender: oneLine(sender),
    recipient: oneLine(recipient),
    reply,
    peer: session.connection.remoteAddress,
  });
}
