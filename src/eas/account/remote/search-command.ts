/** UID SEARCH of the folder that is open. */
import type { CommandPart } from "../../../imap/client-command.ts";
import type { Lent } from "./connections.ts";
import { accepted } from "./failure.ts";
import { readSearches } from "./uid-set.ts";

/** Messages that are not deleted and fit; ascending. */
export async function searchUids(lent: Lent, keys: readonly CommandPart[]): Promise<Uint32Array> {
  const isExtended = lent.capabilities.has("ESEARCH") || lent.capabilities.has("IMAP4REV2");
  const result = await lent.client.command([
    `UID SEARCH ${isExtended ? "RETURN (ALL) " : ""}${keys.some((key) => Buffer.isBuffer(key)) ? "CHARSET UTF-8 " : ""}UNDELETED`,
    ...keys,
  ]);
  return readSearches(accepted(result, "unavailable").untagged)[0] ?? new Uint32Array(0);
}

/** A string of a search key (RFC 9051 §6.4.4); what is beside ASCII goes as a literal. */
export function searchText(value: string): CommandPart {
  const isSimple = /^[\x20-\x7e]*$/.test(value);
  return isSimple ? `"${value.replaceAll(/["\\]/g, "\\$&")}"` : Buffer.from(value, "utf8");
}
