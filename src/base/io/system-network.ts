/**
 * The machine's network: TCP with and without TLS, and Unix sockets. TCP_NODELAY is always set, since small writes
 * are gathered here; keep-alive finds peers that are gone without a word.
 */
import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import {
  type AddressInfo,
  connect as connectSocket,
  createServer,
  isIP,
  type Server,
  type Socket,
} from "node:net";
import {
  connect as connectTls,
  type ConnectionOptions,
  createSecureContext,
  getCACertificates,
  type SecureContext,
  TLSSocket,
} from "node:tls";
import { Lru } from "../lru.ts";
import { readProxyHeader } from "./proxy-header.ts";
import { addressesOf, type Secure, SocketConnection } from "./socket-connection.ts";
import type { ClientTls, Connection, ConnectOptions, Listener, ListenOptions, Network } from "./network.ts";

/** Logins come in storms, after a restart above all; the kernel caps it at somaxconn. */
const BACKLOG = 4096;
const KEEP_ALIVE_DELAY_MS = 120_000;
const CONNECT_TIMEOUT_MS = 30_000;
/** Below the usual limit of open files (20,000), so that the disk and clients of other hosts get theirs. */
const MAX_CONNECTIONS = 15_000;

export const systemNetwork: Network = { listen, connect };

async function listen(options: ListenOptions): Promise<Listener> {
  const server = makeServer(options, (socket) => void accept(socket, options));
  server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
  server.on("drop", (peer) => {
    options.onRefused?.("too many connections", peer?.remoteAddress ?? "", undefined);
  });
  server.listen({
    port: options.port,
    backlog: BACKLOG,
    ...(options.host === "" ? {} : { host: options.host }),
  });
  await once(server, "listening");
  const address = server.address() as AddressInfo;
  return { host: address.address, port: address.port, close: () => close(server) };
}

/** A socket file that is there is taken over: call with the lock of its folder held. */
export async function listenUnix(options: {
  path: string;
  /** Permission bits of the socket file. */
  mode: number;
  onConnection: (connection: Connection) => void;
}): Promise<{ close(): Promise<void> }> {
  const server = makeServer({}, (socket) => {
    options.onConnection(new SocketConnection(socket, addressesOf(socket), undefined));
  });
  rmSync(options.path, { force: true });
  server.listen({ path: options.path, backlog: BACKLOG });
  await once(server, "listening");
  chmodSync(options.path, options.mode);
  return { close: () => close(server) };
}

function makeServer(
  { onRefused }: Pick<ListenOptions, "onRefused">,
  onSocket: (socket: Socket) => void,
): Server {
  const server = createServer(
    { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS },
    onSocket,
  );
  // After "listening" an error means that one connection could not be accepted (EMFILE); the next may be.
  server.once("listening", () => {
    server.on("error", (error) => onRefused?.("could not accept a connection", "", error));
  });
  return server;
}

/** The listening socket is freed at once; connections go on. */
async function close(server: Server): Promise<void> {
  if (server.listening) server.close();
  await new Promise(setImmediate);
}

async function accept(socket: Socket, options: ListenOptions): Promise<void> {
  let addresses = addressesOf(socket);
  let connection: SocketConnection | undefined;
  try {
    if (options.proxyProtocolFrom?.contains(addresses.remoteAddress) === true) {
      addresses = (await readProxyHeader(socket)) ?? addresses;
    }
    const { tls } = options;
    const secure: Secure | undefined =
      tls === undefined
        ? undefined
        : (clear) => ({
            socket: new TLSSocket(clear, tls.handshakeOptions()),
            established: "secure",
          });
    connection = new SocketConnection(socket, addresses, secure);
    if (options.implicitTls === true) await connection.beginTls("keep");
    options.onConnection(connection);
  } catch (error) {
    connection?.destroy();
    socket.destroy();
    const failure = error instanceof Error ? error : new Error(String(error));
    options.onRefused?.(failure.message, addresses.remoteAddress, failure);
  }
}

async function connect(options: ConnectOptions): Promise<Connection> {
  return open(options, () => connectSocket({ host: options.host, port: options.port, noDelay: true }));
}

/** @throws the Node error (ENOENT, ECONNREFUSED …) */
export async function connectUnix(path: string): Promise<Connection> {
  return open({}, () => connectSocket({ path }));
}

async function open(options: Partial<ConnectOptions>, dial: () => Socket): Promise<Connection> {
  const timeoutMs = options.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const socket = dial();
  let late: Error | undefined;
  const timer = setTimeout(() => {
    late = new Error(`no connection to ${options.host}:${options.port} within ${timeoutMs} ms`);
    socket.destroy(late);
  }, timeoutMs);
  try {
    await once(socket, "connect");
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS);
    const { tls, host } = options;
    const secure: Secure | undefined =
      tls === undefined
        ? undefined
        : (clear) => ({ socket: connectTls(clientTls(clear, tls, host)), established: "secureConnect" });
    const connection = new SocketConnection(socket, addressesOf(socket), secure);
    if (options.implicitTls === true) await connection.beginTls("keep");
    return connection;
  } catch (error) {
    socket.destroy();
    throw late ?? error;
  } finally {
    clearTimeout(timer);
  }
}

function clientTls(socket: Socket, tls: ClientTls, host = ""): ConnectionOptions {
  const name = tls.serverName ?? host;
  return {
    socket,
    // An address is no server name (RFC 6066 §3), but the certificate is still checked against it through `host`.
    ...(isIP(name) !== 0 ? {} : { servername: name }),
    host: name,
    rejectUnauthorized: tls.verify,
    secureContext: clientContext(tls.authorities),
  };
}

/** Reading some 150 root certificates takes milliseconds: once, not for every connection. */
const clientContexts = new Lru<string, SecureContext>({ maxEntries: 16 });

function clientContext(authorities: string | undefined): SecureContext {
  const key = authorities ?? "";
  let context = clientContexts.get(key);
  if (context === undefined) {
    const ca = authorities ?? [...getCACertificates("default"), ...getCACertificates("system")];
    context = createSecureContext({ ca, minVersion: "TLSv1.2" });
    clientContexts.set(key, context);
  }
  return context;
}
