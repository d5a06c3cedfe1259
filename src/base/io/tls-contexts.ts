/**
 * Certificates and keys from files: several, chosen by the name that the client asks for (SNI, RFC 6066 §3), and
 * read again without a restart. Connections that are open keep what they have.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { assert } from "../assert.ts";
import type { Secret } from "../secret.ts";
import type { Clock, Timer } from "./clock.ts";
import type { TlsServer, TlsServerOptions } from "./network.ts";

export interface CertificateFiles {
  /** PEM, the server's certificate first, then its chain. */
  readonly certificate: string;
  readonly key: string;
  readonly passphrase?: Secret | undefined;
}

/** A certificate or key file that is not there, not readable or not fit for use; the message names it. */
export class CertificateFileError extends Error {
  override name = "CertificateFileError";
}

export interface LoadedCertificate {
  readonly file: string;
  readonly names: readonly string[];
  readonly validFrom: Date;
  readonly validTo: Date;
}

interface Loaded extends LoadedCertificate {
  readonly context: SecureContext;
}

/** How often `watch` looks for changed files: certificates are renewed days ahead of their end. */
const WATCH_INTERVAL_MS = 60_000;
/** RFC 8996 retired TLS 1.0 and 1.1. */
const MIN_VERSION = "TLSv1.2";

export class TlsContexts implements TlsServer {
  readonly #files: readonly CertificateFiles[];
  #loaded: readonly Loaded[] = [];
  #options: TlsServerOptions | undefined;
  #fingerprint = "";
  #timer: Timer | undefined;

  /** @param files the first is shown to clients that ask for no name or an unknown one. @throws as `reload` */
  constructor(files: readonly CertificateFiles[]) {
    assert(files.length > 0, "TLS without a certificate");
    this.#files = files;
    this.reload();
  }

  /** What is in use, for `doctor`, metrics and the log. */
  get certificates(): readonly LoadedCertificate[] {
    return this.#loaded;
  }

  /** Reads all files again; on any failure the former ones stay in use. @throws Error naming the file */
  reload(): void {
    const fingerprint = this.#readFingerprint();
    const loaded = this.#files.map(load);
    const first = loaded[0];
    assert(first !== undefined, "TLS without a certificate");
    this.#loaded = loaded;
    this.#fingerprint = fingerprint;
    this.#options = {
      isServer: true,
      secureContext: first.context,
      SNICallback: this.#chooseContext,
    };
  }

  handshakeOptions(): TlsServerOptions {
    assert(this.#options !== undefined, "TLS options before certificates");
    return this.#options;
  }

  /** Node's SNICallback. */
  readonly #chooseContext = (name: string, done: (error: null, context?: SecureContext) => void): void =>
    done(null, this.#contextFor(name));

  /** Reloads when a file changed; `report` hears of every reload, with the error when it failed. */
  watch(clock: Clock, report: (error: Error | undefined) => void): void {
    this.stopWatching();
    this.#timer = clock.setTimer(WATCH_INTERVAL_MS, () => {
      this.reloadIfChanged(report);
      this.watch(clock, report);
    });
  }

  reloadIfChanged(report: (error: Error | undefined) => void): void {
    const fingerprint = this.#readFingerprint();
    if (fingerprint === this.#fingerprint) return;
    try {
      this.reload();
      report(undefined);
    } catch (error) {
      // Not tried again, and not reported again, until the files change once more.
      this.#fingerprint = fingerprint;
      report(error instanceof Error ? error : new Error(String(error)));
    }
  }

  stopWatching(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #contextFor(name: string): SecureContext | undefined {
    const wanted = name.toLowerCase();
    const wildcard = wanted.replace(/^[^.]+/, "*");
    const match =
      this.#loaded.find(({ names }) => names.includes(wanted)) ??
      this.#loaded.find(({ names }) => names.includes(wildcard)) ??
      this.#loaded[0];
    return match?.context;
  }

  #readFingerprint(): string {
    return this.#files
      .flatMap(({ certificate, key }) => [certificate, key])
      .map((file) => {
        const stat = statSync(file, { throwIfNoEntry: false });
        return `${stat?.ino}:${stat?.size}:${stat?.mtimeMs}`;
      })
      .join(" ");
  }
}

function load({ certificate, key, passphrase }: CertificateFiles): Loaded {
  const cert = read(certificate);
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(cert);
  } catch (error) {
    throw new CertificateFileError(`could not read a certificate from "${certificate}"`, { cause: error });
  }
  try {
    const secret = passphrase === undefined ? {} : { passphrase: passphrase.reveal() };
    const context = createSecureContext({
      cert,
      key: read(key),
      ...secret,
      minVersion: MIN_VERSION,
      honorCipherOrder: true,
      sessionIdContext: "rookery",
    });
    return {
      file: certificate,
      names: namesOf(x509),
      validFrom: x509.validFromDate,
      validTo: x509.validToDate,
      context,
    };
  } catch (error) {
    if (error instanceof CertificateFileError) throw error;
    throw new CertificateFileError(`could not use the key "${key}" with the certificate "${certificate}"`, {
      cause: error,
    });
  }
}

function read(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new CertificateFileError(`could not read "${file}"`, { cause: error });
  }
}

/** Subject alternative names; the common name only when there are none (RFC 6125 §6.4.4). */
function namesOf(certificate: X509Certificate): string[] {
  const names = [...(certificate.subjectAltName ?? "").matchAll(/(?:^|, )DNS:([^,]+)/g)].map(
    ([, name = ""]) => name.toLowerCase(),
  );
  if (names.length > 0) return names;
  const common = /^CN=(.+)$/m.exec(certificate.subject)?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}
