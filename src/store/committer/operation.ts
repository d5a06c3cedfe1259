import type { BodySource, OperationKind, OperationMap } from "../operations.ts";
import type { Batch } from "./batch.ts";

/** Applies one operation to the batch. @throws StoreError before anything was changed */
export type Apply<K extends OperationKind> = (
  batch: Batch,
  args: OperationMap[K]["args"],
  bodies: readonly BodySource[],
) => OperationMap[K]["result"];
