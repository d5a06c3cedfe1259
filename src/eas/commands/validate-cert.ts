/**
 * ValidateCert: MS-ASCMD §2.2.1.22. Is a certificate good for signed mail: times, purpose, and a chain to an authority that
 * Node trusts. Revocation is not looked up: where the device asks for that, its state is unknown.
 */
import { X509Certificate } from "node:crypto";
import { rootCertificates } from "node:tls";
import { tagOf } from "../../wire/wbxml/code-pages.ts";
import { WbxmlWriter } from "../../wire/wbxml/writer.ts";
import type { Command, EasAnswer } from "../command.ts";
import type { CommandServices } from "./services.ts";

const ROOT = tagOf("ValidateCert:ValidateCert");
const CERTIFICATES = tagOf("ValidateCert:Certificates");
const CERTIFICATE = tagOf("ValidateCert:Certificate");
const CERTIFICATE_CHAIN = tagOf("ValidateCert:CertificateChain");
const CHECK_CRL = tagOf("ValidateCert:CheckCRL");
const STATUS = tagOf("ValidateCert:Status");

/** MS-ASCMD §2.2.3.177.18. */
const OK = 1;
const PROTOCOL_ERROR = 2;
const SIGNATURE_BAD = 3;
const UNTRUSTED = 4;
const NOT_FOR_MAIL = 6;
const EXPIRED = 7;
const UNREADABLE = 10;
const REVOCATION_UNKNOWN = 16;

const MAX_CERTIFICATES = 100;
const MAX_CERTIFICATE_BYTES = 64 * 1024;
const MAX_CHAIN = 10;
/** id-kp-emailProtection and anyExtendedKeyUsage (RFC 5280 §4.2.1.12). */
const MAIL_PURPOSES: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.3.4", "2.5.29.37.0"]);

let authorities: readonly X509Certificate[] | undefined;

export function validateCert({ clock }: Pick<CommandServices, "clock">): Command {
  return {
    name: "ValidateCert",
    run({ root }): Promise<EasAnswer> {
      const given = root?.child(CERTIFICATES)?.all(CERTIFICATE) ?? [];
      const chain = root?.child(CERTIFICATE_CHAIN)?.all(CERTIFICATE) ?? [];
      const writer = new WbxmlWriter().start(ROOT);
      if (root?.tag !== ROOT || given.length === 0 || given.length + chain.length > MAX_CERTIFICATES) {
        writer.text(STATUS, PROTOCOL_ERROR);
      } else {
        writer.text(STATUS, OK);
        const between = chain.flatMap(({ content }) => parse(content) ?? []);
        const revocation = root.flagOf(CHECK_CRL, false);
        for (const { content } of given) {
          const status = statusOf(parse(content), between, clock.nowMs());
          const told = status === OK && revocation ? REVOCATION_UNKNOWN : status;
          writer.start(CERTIFICATE).text(STATUS, told).end();
        }
      }
      return Promise.resolve({ kind: "wbxml", bytes: writer.end().finish() });
    },
  };
}

/** Base64 text, or the octets themselves. */
function parse(content: Buffer): X509Certificate | undefined {
  if (content.length === 0 || content.length > MAX_CERTIFICATE_BYTES) return undefined;
  try {
    return new X509Certificate(
      content[0] === 0x30 ? content : Buffer.from(content.toString("latin1"), "base64"),
    );
  } catch {
    return undefined;
  }
}

function statusOf(
  certificate: X509Certificate | undefined,
  between: readonly X509Certificate[],
  nowMs: number,
): number {
  if (certificate === undefined) return UNREADABLE;
  if (nowMs < certificate.validFromDate.getTime() || nowMs > certificate.validToDate.getTime())
    return EXPIRED;
  // Node answers undefined where the extension is missing, which means any purpose.
  const purposes = certificate.keyUsage as readonly string[] | undefined;
  if (purposes !== undefined && !purposes.some((purpose) => MAIL_PURPOSES.has(purpose))) return NOT_FOR_MAIL;
  let current = certificate;
  for (let depth = 0; depth < MAX_CHAIN; depth++) {
    const trusted = trustedAuthorities().find((one) => current.checkIssued(one));
    if (trusted !== undefined) return current.verify(trusted.publicKey) ? OK : SIGNATURE_BAD;
    const issuer = between.find(
      (one) => one.fingerprint256 !== current.fingerprint256 && current.checkIssued(one),
    );
    if (issuer === undefined) return UNTRUSTED;
    if (!issuer.ca || !current.verify(issuer.publicKey)) return SIGNATURE_BAD;
    current = issuer;
  }
  return UNTRUSTED;
}

function trustedAuthorities(): readonly X509Certificate[] {
  return (authorities ??= rootCertificates.map((pem) => new X509Certificate(pem)));
}
