/** The scan: does a message match a query? Decides what the index leaves in doubt. */
import { bodyContains, fieldContains, messageContains } from "../mime/searchable-text.ts";
import { parseStructure } from "../mime/structure.ts";
import type { FoldedQuery } from "./worker-protocol.ts";

export function matches(bytes: Buffer, { kind, field, value }: FoldedQuery): boolean {
  if (kind === "header") return fieldContains(bytes, field, value);
  const root = parseStructure(bytes);
  return kind === "body" ? bodyContains(bytes, root, value) : messageContains(bytes, root, value);
}
