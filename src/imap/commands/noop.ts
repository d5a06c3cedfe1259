import { command, nothing } from "../command.ts";

/** NOOP: RFC 9051 §6.1.2. Its answer is what the dispatcher tells at the end of every command. */
export const noop = command({ name: "NOOP", state: "any", parse: nothing, run: nothing });

/** CHECK: RFC 3501 §6.4.1; gone from RFC 9051. Everything is on disk already. */
export const check = command({ name: "CHECK", state: "selected", parse: nothing, run: nothing });
