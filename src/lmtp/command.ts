import type { Reply } from "./reply.ts";
import type { LmtpSession } from "./session.ts";

export interface Command {
  /** As on the wire, upper case. */
  readonly name: string;
  /** Refused with 503 before LHLO. */
  readonly needsGreeting: boolean;
  /**
   * `argument`: what follows the name and a space, "" = nothing. Undefined = the replies come another way.
   * @throws Refusal, SyntaxRefusal, DeliveryRefusal, AuthError, StoreError
   */
  run(session: LmtpSession, argument: string): Reply | undefined | Promise<Reply | undefined>;
}

export function command(definition: Command): Command {
  return definition;
}
