import { command } from "../command.ts";

/** NOOP: RFC 1939 §5. */
export const noop = command({ name: "NOOP", state: "transaction", run: () => "+OK" });
