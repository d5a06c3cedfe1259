import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { hostname, networkInterfaces } from "node:os";
import { dirname } from "node:path";
import type { CertificateFiles } from "../base/io/tls-contexts.ts";
import { makeSelfSignedCertificate } from "./certificate.ts";

/** Makes certificate and key unless both are there. True when they were made. */
export function ensureSelfSignedFiles(
  files: CertificateFiles,
  nodeName: string | undefined,
  nowMs: number,
): boolean {
  if (existsSync(files.certificate) && existsSync(files.key)) return false;
  writeSelfSignedFiles(files, ownNames(nodeName), nowMs);
  return true;
}

/** The key first: a certificate without its key would be taken for the operator's mistake. */
export function writeSelfSignedFiles(files: CertificateFiles, names: readonly string[], nowMs: number): void {
  const made = makeSelfSignedCertificate(names, nowMs, randomBytes(16));
  mkdirSync(dirname(files.certificate), { recursive: true, mode: 0o700 });
  replaceFile(files.key, made.privateKeyPem, 0o600);
  replaceFile(files.certificate, made.certificatePem, 0o644);
}

/** What clients may call this machine: localhost, the configured node.name, its host name, its addresses. */
export function ownNames(nodeName: string | undefined): readonly string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    // Link-local addresses need a zone, which no certificate can name.
    .filter(({ address }) => !address.startsWith("fe80:"))
    .map(({ address }) => address);
  const named = nodeName === undefined ? [] : [nodeName.toLowerCase()];
  return [...new Set(["localhost", ...named, hostname().toLowerCase(), "127.0.0.1", "::1", ...addresses])];
}

function replaceFile(path: string, text: string, mode: number): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, path);
}
