/**
 * Makes the self-signed certificate of a first start (X.509 v3, RFC 5280), so that TLS works before an operator has
 * one and without openssl. Not a certification authority's work: one key, one certificate, signed by itself.
 */
import { generateKeyPairSync, sign } from "node:crypto";
import { isIPv4, isIPv6 } from "node:net";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  set,
  time,
  utf8String,
} from "./der.ts";

export interface SelfSigned {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

/** Apple's and the CA/Browser Forum's bound on the life of a certificate that clients still accept. */
export const CERTIFICATE_DAYS = 825;
/** Clients whose clock is behind must not see a certificate "not yet valid". */
const BACKDATED_MS = 60 * 60 * 1000;

const DAY_MS = 24 * 60 * 60 * 1000;
const ECDSA_WITH_SHA256 = sequence(objectIdentifier("1.2.840.10045.4.3.2"));

/**
 * @param names host names and IP addresses for the subject alternative names; the first is the subject's CN
 * @param serial 16 random bytes (RFC 5280 §4.1.2.2 allows 20)
 */
export function makeSelfSignedCertificate(
  names: readonly string[],
  nowMs: number,
  serial: Buffer,
): SelfSigned {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(
    set(sequence(objectIdentifier("2.5.4.3"), utf8String((names[0] ?? "localhost").slice(0, 64)))),
  );
  // RFC 5280 §4.1.2: version, serial, signature, issuer, validity, subject, key, extensions.
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), serial])),
    ECDSA_WITH_SHA256,
    name,
    sequence(time(nowMs - BACKDATED_MS), time(nowMs + CERTIFICATE_DAYS * DAY_MS)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensions(names))),
  );
  const signature = sign("sha256", toBeSigned, privateKey);
  const certificate = sequence(toBeSigned, ECDSA_WITH_SHA256, bitString(signature));
  return {
    certificatePem: pem("CERTIFICATE", certificate),
    privateKeyPem: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function extensions(names: readonly string[]): Buffer[] {
  const digitalSignature = bitString(Buffer.from([0x80]), 7);
  return [
    // A user who trusts this certificate by hand trusts it as its own issuer; it may sign nothing else (path length 0).
    extension("2.5.29.19", true, sequence(boolean(true), integer(Buffer.from([0])))),
    extension("2.5.29.15", true, digitalSignature),
    extension("2.5.29.37", false, sequence(objectIdentifier("1.3.6.1.5.5.7.3.1"))),
    extension("2.5.29.17", false, sequence(...names.map(generalName))),
  ];
}

function extension(identifier: string, critical: boolean, value: Buffer): Buffer {
  const items = [objectIdentifier(identifier), ...(critical ? [boolean(true)] : []), octetString(value)];
  return sequence(...items);
}

/** RFC 5280 §4.2.1.6: dNSName [2], iPAddress [7]. */
function generalName(name: string): Buffer {
  if (isIPv4(name)) return implicit(7, Buffer.from(name.split(".").map(Number)));
  if (isIPv6(name)) return implicit(7, ipv6Bytes(name));
  return implicit(2, Buffer.from(name, "ascii"));
}

function ipv6Bytes(address: string): Buffer {
  // The URL parser writes the canonical form, IPv4 tails included (RFC 5952).
  const canonical = new URL(`http://[${address.split("%", 1)[0]}]`).hostname.slice(1, -1);
  const [head = "", tail] = canonical.split("::");
  const left = head === "" ? [] : head.split(":");
  const right = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => "0");
  const bytes = Buffer.alloc(16);
  [...left, ...zeros, ...right].forEach((word, at) => bytes.writeUInt16BE(Number.parseInt(word, 16), at * 2));
  return bytes;
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
