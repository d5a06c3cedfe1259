import { command } from "../command.ts";

/** CAPA: RFC 2449 §5. What can only be used before login is left out after it. */
export const capa = command({
  name: "CAPA",
  state: "any",
  run(session) {
    const { settings, directory } = session.ports;
    const lines = ["+OK Capabilities follow", "TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING"];
    // RFC 6856 §2: USER says that names and passwords may be UTF-8.
    lines.push("UTF8 USER", "LANG");
    lines.push(settings.expire < 0 ? "EXPIRE NEVER" : `EXPIRE ${settings.expire}`);
    if (settings.loginDelayMs > 0) lines.push(`LOGIN-DELAY ${Math.ceil(settings.loginDelayMs / 1000)}`);
    if (!session.isLoggedIn) {
      if (session.canStartTls) lines.push("STLS");
      if (session.mayTakePassword) lines.push("USER");
      const mechanisms = directory.mechanisms(session.authContext);
      if (mechanisms.length > 0) lines.push(`SASL ${mechanisms.join(" ")}`);
    }
    lines.push("IMPLEMENTATION Rookery", ".");
    return lines.join("\r\n");
  },
});
