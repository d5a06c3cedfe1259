/**
 * How a connection of an HTTP listener begins: from trusted proxies perhaps with a PROXY protocol header, then TLS where
 * the listener has it. Load balancers that speak HTTP send no such header but X-Forwarded-For, so here it may be missing.
 */
import type { Server, Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { readOptionalProxyHeader } from "./proxy-header.ts";
import type { TlsServer } from "./network.ts";
import type { NetworkList } from "../networks.ts";

export interface AcceptOptions {
  readonly tls: TlsServer | undefined;
  readonly trustedProxies: NetworkList;
  /** Application protocol to choose when the client names some (RFC 7301); undefined = none. */
  readonly alpn?: string;
  /** Hears of connections that never became HTTP. */
  readonly onRefused: (reason: string, remoteAddress: string) => void;
}

/** A handshake takes a few round trips; more is somebody holding the connection. */
const HANDSHAKE_TIMEOUT_MS = 30_000;

/** Stands between the server's sockets and its HTTP. @returns drops the connections that are not HTTP yet */
export function interposeAccept(server: Server, options: AcceptOptions): () => void {
  const serveHttp = server.listeners("connection");
  server.removeAllListeners("connection");
  const starting = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    const { remoteAddress = "" } = socket;
    starting.add(socket);
    prepare(socket, options)
      .then(
        (ready) => {
          for (const serve of serveHttp) serve.call(server, ready);
        },
        (error: unknown) => {
          socket.destroy();
          options.onRefused(error instanceof Error ? error.message : String(error), remoteAddress);
        },
      )
      .finally(() => starting.delete(socket));
  });
  return () => {
    for (const socket of starting) socket.destroy();
  };
}

/** @throws Error when the header is malformed or the handshake fails */
async function prepare(socket: Socket, { tls, trustedProxies, alpn }: AcceptOptions): Promise<Socket> {
  let remoteAddress = socket.remoteAddress ?? "";
  if (trustedProxies.contains(remoteAddress)) {
    const client = await readOptionalProxyHeader(socket);
    remoteAddress = client?.remoteAddress ?? remoteAddress;
  }
  const ready = tls === undefined ? socket : await handshake(socket, tls, alpn);
  // What requests, logs and login delays take for the client.
  Object.defineProperty(ready, "remoteAddress", { value: remoteAddress, configurable: true });
  return ready;
}

function handshake(clear: Socket, tls: TlsServer, alpn: string | undefined): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const secure = new TLSSocket(clear, {
      ...tls.handshakeOptions(),
      ...(alpn !== undefined && { ALPNProtocols: [alpn] }),
    });
    const timer = setTimeout(
      () => clear.destroy(new Error("no TLS handshake in time")),
      HANDSHAKE_TIMEOUT_MS,
    );
    const fail = (error?: Error): void => {
      clearTimeout(timer);
      reject(error ?? new Error("peer closed the connection during its TLS handshake"));
    };
    const onClose = (): void => fail();
    secure.once("error", fail).once("close", onClose);
    // A clear socket that breaks before TLS has taken it over tells only its own listeners.
    clear.once("error", fail);
    secure.once("secure", () => {
      clearTimeout(timer);
      secure.off("error", fail).off("close", onClose);
      clear.off("error", fail);
      resolve(secure);
    });
  });
}
