import { command } from "../command.ts";
import { Refusal } from "../reply.ts";

/** LHLO: RFC 2033 §4.1. Forgets a transaction that was begun, as EHLO does (RFC 5321 §4.1.4). */
export const lhlo = command({
  name: "LHLO",
  needsGreeting: false,
  run(session, argument) {
    const name = argument.trim();
    // Goes into the Received field, so nothing that could end its clause.
    if (!/^[^\s\p{Cc}()<>;"\\]{1,255}$/u.test(name)) throw new Refusal("501 5.5.4 Syntax: LHLO hostname");
    session.greet(name);
    const { settings, tlsAvailable, hostName } = session.ports;
    const mechanisms = session.identity === undefined ? session.mechanisms() : [];
    const lines = [
      hostName,
      "PIPELINING",
      settings.maxMessageSizeBytes > 0 ? `SIZE ${settings.maxMessageSizeBytes}` : "SIZE",
      "8BITMIME",
      "SMTPUTF8",
      "CHUNKING",
      "BINARYMIME",
      "ENHANCEDSTATUSCODES",
    ];
    if (tlsAvailable && session.connection.tls === undefined) lines.push("STARTTLS");
    if (mechanisms.length > 0) lines.push(`AUTH ${mechanisms.join(" ")}`);
    // Cyrus's extension; an MTA may deliver notices to a full mailbox with it.
    lines.push("IGNOREQUOTA");
    return lines.map((line, index) => `250${index === lines.length - 1 ? " " : "-"}${line}`).join("\r\n");
  },
});

/** RFC 2033 §4.1: "The HELO and EHLO commands of ESMTP are replaced by the LHLO command." */
function wrongGreeting(name: "HELO" | "EHLO"): ReturnType<typeof command> {
  return command({
    name,
    needsGreeting: false,
    run() {
      throw new Refusal("500 5.5.1 This is LMTP: use LHLO");
    },
  });
}
export const helo = wrongGreeting("HELO");
export const ehlo = wrongGreeting("EHLO");
