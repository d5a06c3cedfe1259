/** Reads columns of rows whose types the schema knows. */
import { assert } from "../../base/assert.ts";
import type { SqlRow } from "../../base/io/sql/port.ts";

export function textOf(row: SqlRow, column: string): string {
  const value = row[column];
  assert(typeof value === "string", `column ${column} is no text`);
  return value;
}

export function numberOf(row: SqlRow, column: string): number {
  const value = row[column];
  assert(typeof value === "number", `column ${column} is no number`);
  return value;
}

export function optionalText(row: SqlRow, column: string): string | undefined {
  const value = row[column];
  return typeof value === "string" ? value : undefined;
}

export function optionalNumber(row: SqlRow, column: string): number | undefined {
  const value = row[column];
  return typeof value === "number" ? value : undefined;
}

export function bytesOf(row: SqlRow, column: string): Buffer {
  const value = row[column];
  assert(Buffer.isBuffer(value), `column ${column} holds no bytes`);
  return value;
}

/** A list that this program wrote as JSON. */
export function listOf(row: SqlRow, column: string): readonly string[] {
  return JSON.parse(textOf(row, column)) as readonly string[];
}
