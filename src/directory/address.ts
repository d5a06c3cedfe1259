/** Names of users and addresses in their canonical forms (RFC 5321 §4.1.2, RFC 6531 §3.3). */
import { domainToASCII } from "node:url";

/** Lower case; the domain in A-labels. */
export interface Address {
  readonly local: string;
  readonly domain: string;
}

/** RFC 5321 §4.5.3.1: 64 octets local part, 255 domain; and the "@". */
export const MAX_ADDRESS_BYTES = 64 + 1 + 255;

/** Identifiers with a meaning of their own in access control lists (RFC 4314 §3). */
const RESERVED_NAMES = new Set(["anyone", "anonymous", "owner", "administrators"]);
/** Neither what ends a mailbox name's segment or is a wildcard, nor what needs quoting in an address. */
const USER_NAME = /^[^\s\p{C}/*%!:@"\\<>(),;[\]^]+$/u;

/**
 * `alice` gets the default domain. Local parts compare without case. Undefined when it is no address.
 * `"a b"@example.org` → local part `a b`: quoting is not part of the name (RFC 5321 §4.1.2).
 */
export function parseAddress(text: string, defaultDomain: string): Address | undefined {
  if (text.length === 0 || Buffer.byteLength(text) > MAX_ADDRESS_BYTES) return undefined;
  const at = text.lastIndexOf("@");
  const written = at < 0 ? defaultDomain : text.slice(at + 1);
  const domain = written === defaultDomain ? defaultDomain : canonicalDomain(written);
  if (domain === undefined) return undefined;
  let local = at < 0 ? text : text.slice(0, at);
  if (local.length >= 2 && local.startsWith('"') && local.endsWith('"')) {
    local = local.slice(1, -1).replace(/\\(.)/gs, "$1");
  }
  return { local: local.normalize("NFC"), domain };
}

/** Undefined when it is no domain name. */
export function canonicalDomain(text: string): string | undefined {
  const ascii = domainToASCII(text.endsWith(".") ? text.slice(0, -1) : text).toLowerCase();
  const labels = ascii.split(".");
  const valid = ascii.length <= 253 && labels.every((label) => /^(?!-)[a-z0-9_-]{1,63}(?<!-)$/.test(label));
  return valid ? ascii : undefined;
}

/** A domain as the configuration has it. */
export function configuredDomain(text: string): string {
  const domain = canonicalDomain(text);
  if (domain === undefined) throw new TypeError(`"${text}" in the configuration is no domain`);
  return domain;
}

export function printAddress(address: Address): string {
  return `${address.local.toLowerCase()}@${address.domain}`;
}

/** `alice` in the default domain, `bob@example.org` elsewhere. */
export function userIdOf(address: Address, defaultDomain: string): string {
  return address.domain === defaultDomain ? address.local.toLowerCase() : printAddress(address);
}

/** Whether a new user, alias or group may have this local part. */
export function isValidUserName(local: string, plusSeparator: string): boolean {
  return (
    USER_NAME.test(local) &&
    !RESERVED_NAMES.has(local.toLowerCase()) &&
    !local.startsWith("-") &&
    !local.startsWith(".") &&
    !local.endsWith(".") &&
    (plusSeparator === "" || !local.includes(plusSeparator))
  );
}

/** `alice+lists` → `alice`, `lists`; without detail the second is undefined. */
export function splitDetail(
  local: string,
  plusSeparator: string,
): { readonly base: string; readonly detail: string | undefined } {
  const at = plusSeparator === "" ? -1 : local.indexOf(plusSeparator);
  if (at < 0) return { base: local, detail: undefined };
  const detail = local.slice(at + plusSeparator.length);
  return { base: local.slice(0, at), detail: detail === "" ? undefined : detail };
}
