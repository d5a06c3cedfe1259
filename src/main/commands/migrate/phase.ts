import { type Command, Option } from "commander";
import type { Phase } from "../../../migrate/model.ts";

export interface PhaseFlags {
  readonly phase?: string;
  readonly priority?: boolean;
  readonly dryRun?: boolean;
}

/** Where a cutover of known users is submitted. */
export interface SubmitPhaseFlags extends PhaseFlags {
  readonly accept?: boolean;
}

export function addSubmitPhaseFlags(made: Command): Command {
  return addPhaseFlags(made).option("--accept", "a cutover although the last verification lists losses");
}

export function addPhaseFlags(made: Command): Command {
  return made
    .addOption(
      new Option("--phase <phase>", "pre-sync copies while the user works, cutover is the last run").choices([
        "pre-sync",
        "cutover",
      ]),
    )
    .option("--priority", "before others in the queue")
    .option("--dry-run", "look and count, change nothing on either side");
}

export function toPhase(phase: string): Phase {
  return phase === "cutover" ? "CUTOVER" : "PRE_SYNC";
}
