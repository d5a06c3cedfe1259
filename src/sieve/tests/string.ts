import type { TestDefinition } from "../compiler.ts";
import { compileMatcher, matchTags } from "../match/match.ts";

/** string: RFC 5229 §5. */
export const string: TestDefinition = {
  name: "string",
  capability: ["variables"],
  signature: { tags: matchTags, positional: ["strings", "strings"] },
  compile(args, scope) {
    const sources = scope.templates(args.strings(0), args.position);
    const matcher = compileMatcher(args, scope, args.strings(1));
    const counted = args.has("count");
    return (run) => {
      const values = sources.map((source) => source(run));
      // RFC 5229 §5: empty strings do not count.
      return matcher(run, counted ? values.filter((value) => value !== "") : values);
    };
  },
};
