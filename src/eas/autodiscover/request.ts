/** The request of POX Autodiscover: MS-ASCMD §2.2.1.1, MS-OXDSCLI §2.2.3.1. Only two elements of it matter. */

export const MOBILESYNC_REQUEST =
  "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/requestschema/2006";
export const MOBILESYNC = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
export const OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

export interface AutodiscoverRequest {
  readonly address: string;
  /** What the client understands; "" when it does not say. */
  readonly schema: string;
}

/** A request has a few hundred bytes. */
export const MAX_REQUEST_BYTES = 16 * 1024;

/** Undefined when it is none. Entities of a document type are not read: they can unfold without end. */
export function parseAutodiscover(xml: string): AutodiscoverRequest | undefined {
  if (xml.length > MAX_REQUEST_BYTES || /<!DOCTYPE/i.test(xml)) return undefined;
  const address = elementText(xml, "EMailAddress");
  if (address === undefined || !/^[^\s@]+@[^\s@]+$/.test(address)) return undefined;
  return { address, schema: elementText(xml, "AcceptableResponseSchema") ?? "" };
}

/** Text of the first element of that local name, whatever its prefix. */
function elementText(xml: string, name: string): string | undefined {
  const found = new RegExp(`<(?:[A-Za-z0-9_.-]+:)?${name}(?:\\s[^<>]*)?>([^<]*)<`).exec(xml);
  return found?.[1] === undefined ? undefined : unescapeXml(found[1]).trim();
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}

export function escapeXml(text: string): string {
  return text
    .replaceAll(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
