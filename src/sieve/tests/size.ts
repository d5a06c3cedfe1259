import type { TestDefinition } from "../compiler.ts";
import { SieveSyntaxError } from "../errors.ts";

/** size: RFC 5228 §5.9. A message of exactly the limit is neither over nor under it. */
export const size: TestDefinition = {
  name: "size",
  signature: { tags: { over: { group: "side" }, under: { group: "side" } }, positional: ["number"] },
  compile(args) {
    const side = args.chosen("side");
    if (side === undefined) throw new SieveSyntaxError(args.position, "size needs :over or :under");
    const limit = args.number(0);
    return (run) => (side === "over" ? run.message.sizeBytes > limit : run.message.sizeBytes < limit);
  },
};
