import type { TestDefinition } from "../compiler.ts";
import { compileMatcher, matchTags } from "../match/match.ts";

/** environment: RFC 5183. An item that is not known matches nothing. */
export const environment: TestDefinition = {
  name: "environment",
  capability: ["environment"],
  signature: { tags: matchTags, positional: ["string", "strings"] },
  compile(args, scope) {
    const name = scope.template(args.string(0), args.position);
    const matcher = compileMatcher(args, scope, args.strings(1));
    return (run) => {
      const value = run.environment.item(name(run).toLowerCase());
      return value !== undefined && matcher(run, [value]);
    };
  },
};
