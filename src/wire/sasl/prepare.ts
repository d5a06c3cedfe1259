import { createRequire } from "node:module";
import type { saslprep as Saslprep } from "@mongodb-js/saslprep";

/** Its tables of Unicode take four megabytes that few processes ever need. */
let saslprep: typeof Saslprep | undefined;
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/**
 * SASLprep (RFC 4013), which maps the forms of one password that different keyboards produce to one. Undefined when the
 * text has a prohibited character or mixes directions. `stored` forbids code points unassigned in Unicode 3.2 as
 * RFC 3454 §7 asks for what is kept; what is only compared may have them.
 */
export function prepare(text: string, use: "query" | "stored"): string | undefined {
  if (PRINTABLE_ASCII.test(text)) return text;
  try {
    saslprep ??= load();
    return saslprep(text, { allowUnassigned: use === "query" });
  } catch {
    return undefined;
  }
}

function load(): typeof Saslprep {
  const required = createRequire(import.meta.url)("@mongodb-js/saslprep") as { saslprep: typeof Saslprep };
  return required.saslprep;
}
