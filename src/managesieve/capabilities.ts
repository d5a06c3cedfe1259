import { capabilities as sieveCapabilities } from "../sieve/capabilities.ts";
import { printString } from "./codec/writer.ts";
import type { ManagesieveSession } from "./session.ts";

/** RFC 5804 §1.7. */
export function printCapabilities(session: ManagesieveSession): string {
  const { ports, identity } = session;
  const lines: [string, string?][] = [
    ["IMPLEMENTATION", `Rookery ${ports.version}`],
    ["VERSION", "1.0"],
    ["SIEVE", [...sieveCapabilities].sort().join(" ")],
    ["NOTIFY", "mailto"],
    ["MAXREDIRECTS", String(ports.scripts.limits.maxRedirects)],
    ["SASL", identity === undefined ? session.mechanisms().join(" ") : ""],
  ];
  if (session.canStartTls) lines.push(["STARTTLS"]);
  lines.push(["UNAUTHENTICATE"]);
  if (identity !== undefined) lines.push(["OWNER", identity.userId]);
  return lines
    .map(([name, value]) => `"${name}"${value === undefined ? "" : ` ${printString(value)}`}\r\n`)
    .join("");
}
