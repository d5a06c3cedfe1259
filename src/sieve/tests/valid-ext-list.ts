import type { TestDefinition } from "../compiler.ts";

/** valid_ext_list: RFC 6134 §2.8. */
export const validExtList: TestDefinition = {
  name: "valid_ext_list",
  capability: ["extlists"],
  signature: { positional: ["strings"] },
  compile(args, scope) {
    const lists = scope.templates(args.strings(0), args.position);
    return (run) => lists.every((list) => run.environment.listContains(list(run), "") !== undefined);
  },
};
