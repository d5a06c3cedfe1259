import type { Arguments } from "./arguments.ts";
import type { Completion } from "./reply.ts";
import type { ManagesieveSession } from "./session.ts";

/** Undefined = what there was to say is said. */
export type Result = Completion | undefined;

export interface Command {
  /** As on the wire, upper case. */
  readonly name: string;
  readonly state: "any" | "notAuthenticated" | "authenticated";
  /** @throws Refusal, ScriptRefusal, StoreError, AuthError */
  run(session: ManagesieveSession, args: Arguments): Result | Promise<Result>;
}

export function command(definition: Command): Command {
  return definition;
}
