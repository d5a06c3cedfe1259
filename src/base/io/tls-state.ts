import { createHash, X509Certificate } from "node:crypto";
import type { TLSSocket } from "node:tls";
import type { TlsState } from "./network.ts";

/** What a session may ask about the TLS below it. */
export class SocketTlsState implements TlsState {
  readonly #socket: TLSSocket;
  readonly #isServer: boolean;

  constructor(socket: TLSSocket, isServer: boolean) {
    this.#socket = socket;
    this.#isServer = isServer;
  }

  get protocol(): string {
    return this.#socket.getProtocol() ?? "";
  }

  get cipher(): string {
    return this.#socket.getCipher()?.name ?? "";
  }

  get serverName(): string {
    // False when the client sent no name.
    const name: unknown = Reflect.get(this.#socket, "servername");
    return typeof name === "string" ? name : "";
  }

  channelBinding(type: "tls-exporter" | "tls-server-end-point"): Buffer | undefined {
    if (this.#socket.destroyed) return undefined;
    if (type === "tls-server-end-point") return this.#serverEndPoint();
    // RFC 9266 §4.2: before TLS 1.3 it needs the extended master secret, which cannot be asked for here.
    if (this.protocol !== "TLSv1.3") return undefined;
    return this.#socket.exportKeyingMaterial(32, "EXPORTER-Channel-Binding", Buffer.alloc(0));
  }

  /** RFC 5929 §4.1: the certificate hashed with its signature's own hash; SHA-256 in place of MD5 and SHA-1. */
  #serverEndPoint(): Buffer | undefined {
    const raw = this.#isServer
      ? rawOf(this.#socket.getCertificate())
      : rawOf(this.#socket.getPeerCertificate());
    if (raw === undefined) return undefined;
    const algorithm = new X509Certificate(raw).signatureAlgorithm?.toLowerCase() ?? "";
    // Ed25519 and Ed448 sign without a single hash: the binding is not defined for them.
    if (algorithm.startsWith("ed")) return undefined;
    const hash = /sha-?(384|512|224)/.exec(algorithm)?.[1] ?? "256";
    return createHash(`sha${hash}`).update(raw).digest();
  }
}

function rawOf(certificate: object | null): Buffer | undefined {
  if (certificate === null || !("raw" in certificate)) return undefined;
  return Buffer.isBuffer(certificate.raw) ? certificate.raw : undefined;
}
