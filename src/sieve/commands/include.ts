import type { CommandDefinition } from "../compiler.ts";
import { SieveRuntimeError, SieveSyntaxError } from "../errors.ts";
import type { Run } from "../run.ts";
import { variableName } from "./set.ts";

/** include: RFC 6609 §3.2. The script is read when the command is reached, so that a later upload counts. */
export const include: CommandDefinition = {
  name: "include",
  capability: ["include"],
  signature: {
    tags: {
      personal: { group: "location" },
      global: { group: "location" },
      once: {},
      optional: {},
    },
    positional: ["string"],
  },
  compile(args, scope) {
    const name = args.string(0);
    const location = args.has("global") ? "global" : "personal";
    const [once, optional] = [args.has("once"), args.has("optional")];
    return (run) => {
      const key = `${location} ${name}`;
      if (once && run.onceIncluded.has(key)) return "next";
      run.onceIncluded.add(key);
      const source = run.environment.loadScript(location, name);
      if (source === undefined) {
        if (optional) return "next";
        throw new SieveRuntimeError(`the ${location} script "${name}" does not exist`);
      }
      const flow = run.include(() => {
        const step = scope.compileIncluded(source);
        return inOwnVariables(run, () => step(run));
      });
      // stop ends everything, return only the included script (RFC 6609 §3.3).
      return flow === "stop" ? "stop" : "next";
    };
  },
};

/** RFC 6609 §3.4: variables are local to each script unless declared global. */
function inOwnVariables<T>(run: Run, body: () => T): T {
  const { variables, globalNames } = run;
  run.variables = new Map();
  run.globalNames = new Set();
  try {
    return body();
  } finally {
    run.variables = variables;
    run.globalNames = globalNames;
  }
}

/** return: RFC 6609 §3.3. */
export const returnCommand: CommandDefinition = {
  name: "return",
  capability: ["include"],
  signature: {},
  compile: () => () => "return",
};

/** global: RFC 6609 §3.4.1. */
export const global: CommandDefinition = {
  name: "global",
  capability: ["include"],
  signature: { positional: ["strings"] },
  compile(args, scope) {
    if (!scope.isRequired("variables"))
      throw new SieveSyntaxError(args.position, 'global needs require "variables"');
    const names = args.strings(0).map((name) => variableName(name, args.position));
    return (run) => {
      for (const name of names) run.globalNames.add(name);
      return "next";
    };
  },
};
