import { capabilities } from "../capabilities.ts";
import type { TestDefinition } from "../compiler.ts";

/** ihave: RFC 5463 §4. */
export const ihave: TestDefinition = {
  name: "ihave",
  capability: ["ihave"],
  signature: { positional: ["strings"] },
  compile(args) {
    const known = args.strings(0).every((name) => capabilities.has(name));
    return () => known;
  },
};
