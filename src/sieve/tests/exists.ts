import type { TestDefinition } from "../compiler.ts";
import { compileHeaderReader, mimeTags } from "../headers.ts";

/** exists: RFC 5228 §5.5: true when all of the headers are there; :mime RFC 5703 §4.3. */
export const exists: TestDefinition = {
  name: "exists",
  signature: { tags: mimeTags, positional: ["strings"] },
  compile(args, scope) {
    const names = scope.templates(args.strings(0), args.position);
    const read = compileHeaderReader(args);
    return (run) => names.every((name) => read(run, name(run)).length > 0);
  },
};
