/**
 * Is a certificate good for signed mail: times, purpose, and a chain to an authority that Node trusts (RFC 5280 §6.1
 * without policies, names and revocation).
 */
import { X509Certificate } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { rootCertificates } from "node:tls";

export type CertificateState =
  | "good"
  | "signature_bad"
  | "untrusted"
  | "not_for_mail"
  | "expired"
  /** An authority between it and the trusted one is out of its time. */
  | "chain_expired"
  | "unreadable";

const MAX_CERTIFICATE_BYTES = 64 * 1024;
const MAX_CHAIN = 10;
/** Issuers of one name that are tried: cross-signed authorities have a few. */
const MAX_SAME_NAME = 8;
/** Authorities that are read before other work has its turn: they are read once, when the first certificate comes. */
const AUTHORITIES_A_TURN = 8;
/** id-kp-emailProtection and anyExtendedKeyUsage (RFC 5280 §4.2.1.12). */
const MAIL_PURPOSES: ReadonlySet<string> = new Set(["1.3.6.1.5.5.7.3.4", "2.5.29.37.0"]);

type BySubject = Map<string, X509Certificate[]>;
let authorities: Promise<BySubject> | undefined;

/** Base64 text, or the octets themselves; undefined when it is none. */
export function parseCertificate(content: Buffer): X509Certificate | undefined {
  if (content.length === 0 || content.length > MAX_CERTIFICATE_BYTES) return undefined;
  try {
    return new X509Certificate(
      content[0] === 0x30 ? content : Buffer.from(content.toString("latin1"), "base64"),
    );
  } catch {
    return undefined;
  }
}

/** The certificates between those to be validated and the authorities. */
export class CertificateChain {
  readonly #between: BySubject = new Map();

  add(certificate: X509Certificate | undefined): void {
    if (certificate !== undefined) remember(this.#between, certificate);
  }

  async stateOf(certificate: X509Certificate | undefined, nowMs: number): Promise<CertificateState> {
    if (certificate === undefined) return "unreadable";
    if (!isInTime(certificate, nowMs)) return "expired";
    // Node answers undefined where the extension is missing, which means any purpose.
    const purposes = certificate.keyUsage as readonly string[] | undefined;
    if (purposes !== undefined && !purposes.some((purpose) => MAIL_PURPOSES.has(purpose))) {
      return "not_for_mail";
    }
    authorities ??= readAuthorities();
    const trusted = await authorities;
    let current = certificate;
    for (let depth = 0; depth < MAX_CHAIN; depth++) {
      const root = issuerOf(current, trusted);
      if (root !== undefined) return current.verify(root.publicKey) ? "good" : "signature_bad";
      const issuer = issuerOf(current, this.#between);
      if (issuer === undefined || issuer.fingerprint256 === current.fingerprint256) return "untrusted";
      if (!issuer.ca || !current.verify(issuer.publicKey)) return "signature_bad";
      if (!isInTime(issuer, nowMs)) return "chain_expired";
      current = issuer;
    }
    return "untrusted";
  }
}

function isInTime({ validFromDate, validToDate }: X509Certificate, nowMs: number): boolean {
  return nowMs >= validFromDate.getTime() && nowMs <= validToDate.getTime();
}

function issuerOf(certificate: X509Certificate, among: BySubject): X509Certificate | undefined {
  return among.get(certificate.issuer)?.find((one) => certificate.checkIssued(one));
}

function remember(bySubject: BySubject, certificate: X509Certificate): void {
  const known = bySubject.get(certificate.subject);
  if (known === undefined) bySubject.set(certificate.subject, [certificate]);
  else if (known.length < MAX_SAME_NAME) known.push(certificate);
}

async function readAuthorities(): Promise<BySubject> {
  const found: BySubject = new Map();
  for (const [at, pem] of rootCertificates.entries()) {
    remember(found, new X509Certificate(pem));
    if (at % AUTHORITIES_A_TURN === AUTHORITIES_A_TURN - 1) await nextTurn();
  }
  return found;
}
