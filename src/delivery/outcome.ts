import { StoreError } from "../store/errors.ts";
import { DeliveryRefusal } from "./refusal.ts";

/** What became of a message for one addressee. */
export type Outcome =
  | { readonly status: "delivered" | "duplicate" | "discarded" }
  /** StoreError, DeliveryRefusal, or anything else, which is a fault of ours. */
  | { readonly status: "refused"; readonly error: Error };

/** Is trying again later of use? A fault of ours counts as passing. */
export function isTemporary(error: Error): boolean {
  if (error instanceof StoreError) return error.temporary || error.code === "mailbox_not_found";
  return !(error instanceof DeliveryRefusal) || error.code === "over_quota_temporary";
}

/**
 * One answer for an addressee with several copies. A refusal wins, so that the sender learns of it: after a temporary
 * one it tries again, and duplicate suppression keeps those who have the message from a second one.
 */
export function combineOutcomes(outcomes: readonly Outcome[]): Outcome {
  const refused = outcomes.filter((outcome) => outcome.status === "refused");
  return (
    refused.find(({ error }) => isTemporary(error)) ??
    refused[0] ??
    outcomes.find(({ status }) => status === "delivered") ??
    outcomes[0] ?? { status: "discarded" }
  );
}
