import type { CommandDefinition } from "../compiler.ts";
import { SieveRuntimeError, SieveSyntaxError } from "../errors.ts";

const ADDRESS = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/;

/** redirect: RFC 5228 §4.2; :copy RFC 3894. */
export const redirect: CommandDefinition = {
  name: "redirect",
  signature: { tags: { copy: { capability: "copy" } }, positional: ["string"] },
  compile(args, scope) {
    const text = args.string(0);
    if (!scope.isRequired("variables") && !ADDRESS.test(text)) {
      throw new SieveSyntaxError(args.position, `"${text}" is not an address to redirect to`);
    }
    const address = scope.template(text, args.position);
    const copy = args.has("copy");
    return (run) => {
      const target = address(run);
      if (!ADDRESS.test(target)) throw new SieveRuntimeError(`"${target}" is not an address to redirect to`);
      if (!copy) run.implicitKeep = false;
      run.act({ kind: "redirect", address: target, headers: run.editedHeaders });
      return "next";
    };
  },
};
