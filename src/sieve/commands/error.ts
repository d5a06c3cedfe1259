import type { CommandDefinition } from "../compiler.ts";
import { SieveRuntimeError } from "../errors.ts";

/** error: RFC 5463 §5. */
export const error: CommandDefinition = {
  name: "error",
  capability: ["ihave"],
  signature: { positional: ["string"] },
  compile(args, scope) {
    const text = scope.template(args.string(0), args.position);
    return (run) => {
      throw new SieveRuntimeError(text(run));
    };
  },
};
