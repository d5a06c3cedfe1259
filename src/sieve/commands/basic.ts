import type { CommandDefinition } from "../compiler.ts";
import { flagTag, flagsForAction } from "./flags.ts";

/** keep: RFC 5228 §4.3; :flags RFC 5232 §5. */
export const keep: CommandDefinition = {
  name: "keep",
  signature: { tags: flagTag },
  compile(args, scope) {
    const flags = flagsForAction(args, scope);
    return (run) => {
      run.implicitKeep = false;
      run.act({ kind: "keep", flags: flags(run), headers: run.editedHeaders });
      return "next";
    };
  },
};

/** discard: RFC 5228 §4.4: only cancels the implicit keep. */
export const discard: CommandDefinition = {
  name: "discard",
  signature: {},
  compile: () => (run) => {
    run.implicitKeep = false;
    run.act({ kind: "discard" });
    return "next";
  },
};

/** stop: RFC 5228 §3.3. */
export const stop: CommandDefinition = { name: "stop", signature: {}, compile: () => () => "stop" };
