/**
 * Sieve (RFC 5228): a script is compiled once and run over any number of messages. Pure: it decides, delivery acts.
 *
 * - A script that cannot go on (an error at run time, a bound passed) leaves the message kept as it came.
 * - Time and memory of a run are bounded (`limits.ts`), whatever its author wrote.
 * - Not here: sending, filing, remembering whom a vacation was sent to. `src/delivery` does that.
 */
import type { SieveAction, SieveOutcome } from "./actions.ts";
import { compileScript, type Step } from "./compiler.ts";
import { SieveRuntimeError } from "./errors.ts";
import { defaultSieveLimits, type SieveLimits } from "./limits.ts";
import type { SieveEnvironment, SieveMessage } from "./message.ts";
import { Run } from "./run.ts";

export class SieveScript {
  readonly #step: Step;
  readonly #limits: SieveLimits;

  /** @throws SieveSyntaxError with line and column */
  constructor(source: string, limits: SieveLimits = defaultSieveLimits) {
    this.#limits = limits;
    this.#step = compileScript(source, limits);
  }

  /** Never throws for what a script or message does; `trace` asks for the reasons, line by line. */
  run(message: SieveMessage, environment: SieveEnvironment, options: { trace?: boolean } = {}): SieveOutcome {
    const run = new Run(message, environment, this.#limits, options.trace ?? false);
    try {
      this.#step(run);
    } catch (error) {
      if (!(error instanceof SieveRuntimeError)) throw error;
      // RFC 5228 §2.10.6: an implicit keep, and nothing of what was not yet done.
      return { actions: [{ kind: "keep", flags: [], headers: undefined }], error, trace: run.trace ?? [] };
    }
    const implicit: readonly SieveAction[] = run.implicitKeep
      ? [{ kind: "keep", flags: run.flags, headers: run.editedHeaders }]
      : [];
    if (run.implicitKeep) run.note("implicit keep");
    return {
      actions: [...withoutRepeats(run.actions), ...implicit],
      error: undefined,
      trace: run.trace ?? [],
    };
  }
}

/** RFC 5228 §2.10.3: the same mailbox or address twice is one copy; flags of the later one count. */
function withoutRepeats(actions: readonly SieveAction[]): readonly SieveAction[] {
  const last = new Map<string, SieveAction>();
  for (const action of actions) last.set(repeatKey(action), action);
  return [...last.values()];
}

function repeatKey(action: SieveAction): string {
  if (action.kind === "fileinto") {
    return `fileinto ${action.mailbox} ${action.specialUse ?? ""} ${action.mailboxId ?? ""}`;
  }
  if (action.kind === "redirect") return `redirect ${action.address.toLowerCase()}`;
  return action.kind === "notify" ? `notify ${action.method} ${action.message ?? ""}` : action.kind;
}
