import type { Reply } from "./reply.ts";
import type { Pop3Session } from "./session.ts";

export interface Command {
  /** As on the wire, upper case. */
  readonly name: string;
  /** RFC 1939 §3. */
  readonly state: "authorization" | "transaction" | "any";
  /**
   * `argument`: what follows the name and a space, "" = nothing. Undefined = the reply went another way.
   * @throws Refusal, AuthError, StoreError
   */
  run(session: Pop3Session, argument: string): Reply | undefined | Promise<Reply | undefined>;
}

export function command(definition: Command): Command {
  return definition;
}
