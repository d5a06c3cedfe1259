import { join } from "node:path";
import type { CertificateFiles } from "../base/io/tls-contexts.ts";
import { mapOf, path, secret } from "../config/kinds.ts";
import { option, optionGroup, type SettingsOf } from "../config/option.ts";

export const tlsOptions = optionGroup(
  "tls",
  "Certificates; they are read again when the files change and on SIGHUP.",
  {
    certificate: option(
      path,
      undefined,
      "PEM file of the server's certificate and its chain; without it a self-signed one is made in the data folder.",
    ),
    key: option(path, undefined, "PEM file of the certificate's private key."),
    key_passphrase: option(secret, undefined, "What the private key is encrypted with."),
    more_certificates: option(
      mapOf(path),
      {},
      "Further certificate files, each with its key file, chosen by the name that the client asks for (SNI).",
    ),
  },
);
export type TlsSettings = SettingsOf<typeof tlsOptions>;

export function selfSignedFiles(dataFolder: string): CertificateFiles {
  return { certificate: join(dataFolder, "tls", "certificate.pem"), key: join(dataFolder, "tls", "key.pem") };
}

/** The configured files, the default one first. A certificate without a key option has its key in the same file. */
export function certificateFiles(settings: TlsSettings, dataFolder: string): readonly CertificateFiles[] {
  const { certificate, key, keyPassphrase, moreCertificates } = settings;
  const first =
    certificate === undefined
      ? selfSignedFiles(dataFolder)
      : { certificate, key: key ?? certificate, passphrase: keyPassphrase };
  return [first, ...[...moreCertificates].map(([file, keyFile]) => ({ certificate: file, key: keyFile }))];
}

/** Those that the operator named: without the self-signed one, which the first start makes. */
export function configuredCertificateFiles(settings: TlsSettings): readonly CertificateFiles[] {
  return certificateFiles(settings, "").slice(settings.certificate === undefined ? 1 : 0);
}
