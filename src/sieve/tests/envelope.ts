import type { TestDefinition } from "../compiler.ts";
import { SieveSyntaxError } from "../errors.ts";
import { addressOf, addressPartTags, compileAddressPart } from "../headers.ts";
import { compileMatcher, matchTags } from "../match/match.ts";
import type { Run } from "../run.ts";

const PARTS: Readonly<Record<string, (run: Run) => string | undefined>> = {
  from: (run) => run.environment.envelopeFrom,
  to: (run) => run.environment.envelopeTo,
  auth: (run) => run.environment.envelopeAuth,
};

/** envelope: RFC 5228 §5.4. The null sender is the empty string, whichever piece is asked for. */
export const envelope: TestDefinition = {
  name: "envelope",
  capability: ["envelope"],
  signature: { tags: { ...matchTags, ...addressPartTags }, positional: ["strings", "strings"] },
  compile(args, scope) {
    const parts = args.strings(0).map((name) => {
      const part = PARTS[name.toLowerCase()];
      if (part === undefined) throw new SieveSyntaxError(args.position, `unknown envelope part "${name}"`);
      return part;
    });
    const matcher = compileMatcher(args, scope, args.strings(1));
    const addressPart = compileAddressPart(args);
    return (run) => {
      const pick = addressPart(run);
      const values = parts.map((part) => part(run)).filter((value) => value !== undefined);
      return matcher(
        run,
        values
          .map((value) => (value === "" ? "" : pick(addressOf(value))))
          .filter((value) => value !== undefined),
      );
    };
  },
};
