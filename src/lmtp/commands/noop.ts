import { command } from "../command.ts";

/** NOOP: RFC 5321 §4.1.1.9. */
export const noop = command({ name: "NOOP", needsGreeting: false, run: () => "250 2.0.0 Ok" });
