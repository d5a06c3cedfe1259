/** What goes between an `SqliteDatabase` and its thread. Every request has one reply, not always in order. */
import type { SqlErrorCode, SqlStatement, SqlValue } from "./port.ts";

export interface SqliteThreadData {
  /** ":memory:" for tests. */
  readonly path: string;
}

/** Blobs travel as copies of just their bytes: a small Buffer would take its whole pool along. */
export type SqliteRequest =
  | { readonly id: number; readonly op: "query"; readonly sql: string; readonly values: readonly SqlValue[] }
  | { readonly id: number; readonly op: "batch"; readonly statements: readonly SqlStatement[] }
  /** Answered when the transaction is open; its `id` names it from then on. */
  | { readonly id: number; readonly op: "begin" }
  | {
      readonly id: number;
      readonly op: "statement";
      readonly transaction: number;
      readonly sql: string;
      readonly values: readonly SqlValue[];
    }
  | { readonly id: number; readonly op: "commit" | "rollback"; readonly transaction: number }
  /** The last one; whatever waits is done before. */
  | { readonly id: number; readonly op: "close" };

export interface SqliteRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (SqlValue | Uint8Array)[])[];
}

export type SqliteReply =
  | { readonly id: number; readonly rows: SqliteRows }
  | { readonly id: number; readonly changes: readonly number[] | undefined }
  | { readonly id: number; readonly done: true }
  | { readonly id: number; readonly error: { readonly code: SqlErrorCode; readonly message: string } };
