import type { CommandDefinition, Scope } from "../compiler.ts";
import { flagsOf, setFlags, splitFlags, uniqueFlags, withoutFlags } from "../flags.ts";
import type { Run } from "../run.ts";
import type { BoundArguments, TagSpec } from "../signature.ts";

/** RFC 5232 §5: keep and fileinto with :flags; without it the internal variable counts. */
export const flagTag: Readonly<Record<string, TagSpec>> = {
  flags: { value: "strings", capability: "imap4flags" },
};

export function flagsForAction(args: BoundArguments, scope: Scope): (run: Run) => readonly string[] {
  const texts = args.tagStrings("flags");
  if (texts === undefined) return (run) => run.flags;
  const templates = scope.templates(texts, args.position);
  return (run) => uniqueFlags(splitFlags(templates.map((template) => template(run))));
}

function flagCommand(
  name: string,
  change: (before: readonly string[], flags: readonly string[]) => readonly string[],
): CommandDefinition {
  return {
    name,
    capability: ["imap4flags"],
    signature: { positional: ["string", "strings"], optionalFirst: true },
    compile(args, scope) {
      const variable = args.count === 2 ? args.string(0) : undefined;
      const templates = scope.templates(args.strings(args.count - 1), args.position);
      return (run) => {
        const flags = splitFlags(templates.map((template) => template(run)));
        setFlags(run, variable, uniqueFlags(change(flagsOf(run, variable), flags)));
        return "next";
      };
    },
  };
}

/** setflag: RFC 5232 §3.1. */
export const setflag = flagCommand("setflag", (_, flags) => flags);
/** addflag: RFC 5232 §3.2. */
export const addflag = flagCommand("addflag", (before, flags) => [...before, ...flags]);
/** removeflag: RFC 5232 §3.3. */
export const removeflag = flagCommand("removeflag", withoutFlags);
