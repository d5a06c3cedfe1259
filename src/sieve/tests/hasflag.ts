import type { TestDefinition } from "../compiler.ts";
import { flagsOf, splitFlags } from "../flags.ts";
import { compileMatcher, matchTags } from "../match/match.ts";

/** hasflag: RFC 5232 §4. */
export const hasflag: TestDefinition = {
  name: "hasflag",
  capability: ["imap4flags"],
  signature: { tags: matchTags, positional: ["strings", "strings"], optionalFirst: true },
  compile(args, scope) {
    const variables = args.count === 2 ? args.strings(0) : undefined;
    const keys = args.strings(args.count - 1);
    const matcher = compileMatcher(args, scope, args.has("count") ? keys : splitFlags(keys));
    return (run) => matcher(run, variables?.flatMap((name) => flagsOf(run, name)) ?? run.flags);
  },
};
