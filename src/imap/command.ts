/** What a command file declares. The `dispatcher.ts` does the rest: states, UID form, errors, the tagged line. */
import type { Reader } from "./codec/reader.ts";
import type { Session } from "./session.ts";

export interface CommandSpec<Arguments> {
  /** As on the wire, upper case. */
  readonly name: string;
  /** "authenticated" commands are allowed in the selected state too; "any" in every state. */
  readonly state: "any" | "notAuthenticated" | "authenticated" | "selected";
  /** `UID name` exists too. "only": no form without UID. */
  readonly uid?: boolean | "only";
  /** Its sequence form must not tell of expunges (RFC 9051 §7.5.1: FETCH, STORE, SEARCH and their kin). */
  readonly holdsExpunges?: boolean;
  /** Its answer is EXPUNGE responses, also for clients that asked not to be told of expunges (NOTIFY). */
  readonly expunges?: boolean;
  /** Its literals are messages: large ones go to the store while they arrive. */
  readonly takesMessages?: boolean;
  /** Reads the arguments after the name, the space before them included. The dispatcher checks the end of the line. */
  parse(reader: Reader, session: Session, call: CommandCall): Arguments;
  run(session: Session, parsed: Arguments, call: CommandCall): Completion | Promise<Completion>;
}

export interface CommandCall {
  readonly tag: string;
  /** `FETCH` or `UID FETCH`. */
  readonly name: string;
  readonly by: "sequence" | "uid";
}

/** How a command ends; text "… completed" when there is none. NO and BAD are thrown (`refusal.ts`). */
export type Completion = CompletionLine | undefined | void;
export interface CompletionLine {
  /** Response code without brackets. */
  readonly code?: string | undefined;
  readonly text?: string | undefined;
  readonly status?: "OK" | "NO";
  /** Called after the tagged line was written: STARTTLS, LOGOUT, COMPRESS. */
  readonly afterwards?: () => void | Promise<void>;
}

export interface Command {
  readonly name: string;
  readonly state: CommandSpec<unknown>["state"];
  readonly uid: boolean | "only";
  readonly holdsExpunges: boolean;
  readonly expunges: boolean;
  readonly takesMessages: boolean;
  /** Parses; what it returns runs the command. */
  prepare(reader: Reader, session: Session, call: CommandCall): () => Completion | Promise<Completion>;
}

export function command<Arguments>(spec: CommandSpec<Arguments>): Command {
  return {
    name: spec.name,
    state: spec.state,
    uid: spec.uid ?? false,
    holdsExpunges: spec.holdsExpunges ?? false,
    expunges: spec.expunges ?? false,
    takesMessages: spec.takesMessages ?? false,
    prepare(reader, session, call) {
      const parsed = spec.parse(reader, session, call);
      reader.end();
      return () => spec.run(session, parsed, call);
    },
  };
}

/** For commands without arguments. */
export function nothing(): void {
  // The dispatcher checks that the line ends.
}
