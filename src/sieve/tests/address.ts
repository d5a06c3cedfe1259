import type { TestDefinition } from "../compiler.ts";
import {
  addressPartTags,
  addressesIn,
  compileAddressPart,
  compileHeaderReader,
  indexTags,
  mimeTags,
} from "../headers.ts";
import { compileMatcher, matchTags } from "../match/match.ts";

/** address: RFC 5228 §5.1; :user and :detail RFC 5233; :index RFC 5260 §6; :mime RFC 5703 §4.2. */
export const address: TestDefinition = {
  name: "address",
  signature: {
    tags: { ...matchTags, ...addressPartTags, ...indexTags, ...mimeTags },
    positional: ["strings", "strings"],
  },
  compile(args, scope) {
    const names = scope.templates(args.strings(0), args.position);
    const matcher = compileMatcher(args, scope, args.strings(1));
    const read = compileHeaderReader(args);
    const part = compileAddressPart(args);
    return (run) => {
      const pick = part(run);
      const values = names.flatMap((name) => addressesIn(run.message, read(run, name(run))));
      return matcher(
        run,
        values.map(pick).filter((value) => value !== undefined),
      );
    };
  },
};
