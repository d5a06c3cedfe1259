import type { CommandDefinition } from "../compiler.ts";
import { SieveSyntaxError } from "../errors.ts";
import { walkParts } from "../headers.ts";
import { modifierOf, modifierTags, variableName } from "./set.ts";

/** foreverypart: RFC 5703 §3. */
export const foreverypart: CommandDefinition = {
  name: "foreverypart",
  capability: ["foreverypart"],
  signature: { tags: { name: { value: "string" } }, block: true },
  compile(args, scope, node) {
    const name = args.tagString("name");
    scope.loopDepth += 1;
    const body = scope.block(node.block!);
    scope.loopDepth -= 1;
    return (run) => {
      const outer = run.part;
      try {
        for (const part of walkParts(outer ?? run.message.root)) {
          run.step();
          run.part = part;
          const flow = body(run);
          if (flow === "next") continue;
          if (typeof flow === "string") return flow;
          return flow.leaveLoop === undefined || flow.leaveLoop === name ? "next" : flow;
        }
        return "next";
      } finally {
        run.part = outer;
      }
    };
  },
};

/** break: RFC 5703 §3. */
export const breakCommand: CommandDefinition = {
  name: "break",
  capability: ["foreverypart"],
  signature: { tags: { name: { value: "string" } } },
  compile(args, scope) {
    if (scope.loopDepth === 0) throw new SieveSyntaxError(args.position, "break stands outside foreverypart");
    const flow = { leaveLoop: args.tagString("name") };
    return () => flow;
  },
};

/** extracttext: RFC 5703 §7. */
export const extracttext: CommandDefinition = {
  name: "extracttext",
  capability: ["extracttext"],
  signature: { tags: { ...modifierTags, first: { value: "number" } }, positional: ["string"] },
  compile(args, scope) {
    if (!scope.isRequired("variables"))
      throw new SieveSyntaxError(args.position, 'extracttext needs require "variables"');
    if (scope.loopDepth === 0)
      throw new SieveSyntaxError(args.position, "extracttext stands outside foreverypart");
    const name = variableName(args.string(0), args.position);
    const modify = modifierOf((tag) => args.has(tag));
    const first = args.tagNumber("first");
    return (run) => {
      const part = run.part ?? run.message.root;
      const text = part.type === "text" ? part.text() : "";
      run.setVariable(name, modify(first === undefined ? text : Array.from(text).slice(0, first).join("")));
      return "next";
    };
  },
};
