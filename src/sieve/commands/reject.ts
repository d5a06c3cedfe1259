import type { CommandDefinition } from "../compiler.ts";
import { SieveRuntimeError } from "../errors.ts";
import type { Run } from "../run.ts";

function reject(name: "reject" | "ereject"): CommandDefinition {
  return {
    name,
    capability: [name],
    signature: { positional: ["string"] },
    compile(args, scope) {
      const reason = scope.template(args.string(0), args.position);
      return (run) => {
        refuseConflicts(run);
        run.implicitKeep = false;
        run.act({ kind: "reject", reason: reason(run), inProtocol: name === "ereject" });
        return "next";
      };
    },
  };
}

/** RFC 5429 §2.4: not together with actions that deliver or answer. */
function refuseConflicts(run: Run): void {
  const other = run.actions.find((action) => action.kind !== "discard" && action.kind !== "notify");
  if (other !== undefined) throw new SieveRuntimeError(`reject cannot be combined with ${other.kind}`);
}

/** reject: RFC 5429 §2.2. */
export const rejectCommand = reject("reject");
/** ereject: RFC 5429 §2.1. */
export const erejectCommand = reject("ereject");
