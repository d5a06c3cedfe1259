import type { TLSSocketOptions } from "node:tls";

/** Options of Node for the server side of one handshake. */
export type TlsServerOptions = TLSSocketOptions;

/** What a session sees of its connection. Protocol sessions own no socket: they get this, the simulation passes pipes. */
export interface Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  /** Undefined while the connection is in the clear. */
  readonly tls: TlsState | undefined;
  /** Bytes written and not yet taken by the peer. A session stops producing above its bound and goes on at `onDrain`. */
  readonly bufferedBytes: number;
  /** What `onData` gets is the receiver's alone: it may free the memory behind it. */
  readonly givesChunksAway?: boolean;
  /** Exactly one receiver for each; setting another replaces it. */
  onData(receive: (chunk: Buffer) => void): void;
  onDrain(resume: () => void): void;
  /** Called once, also after `destroy`. `error` when the peer did not close in an orderly way. */
  onClose(closed: (error: Error | undefined) => void): void;
  /** Small writes of one turn are gathered into one segment. */
  write(bytes: Buffer | string): void;
  pause(): void;
  resume(): void;
  /** Server side of STARTTLS; bytes that came before the handshake in the clear are dropped (CVE-2011-0411). */
  startTls(): Promise<void>;
  /** Writes what is pending, then closes. */
  end(lastWords?: Buffer | string): void;
  destroy(): void;
}

export interface TlsState {
  readonly protocol: string;
  readonly cipher: string;
  /** SNI name the client asked for; "" = none. */
  readonly serverName: string;
  /** Channel binding data, RFC 9266 (tls-exporter) and RFC 5929 (tls-server-end-point). */
  channelBinding(type: "tls-exporter" | "tls-server-end-point"): Buffer | undefined;
}

/** A bound listener; `close` stops accepting and resolves when the socket is free again. */
export interface Listener {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/** The only door to the network. The simulation passes one whose hosts all live in one process. */
export interface Network {
  /** Resolves when the socket is bound. @throws the Node error (EADDRINUSE, EACCES …) */
  listen(options: ListenOptions): Promise<Listener>;
  /** Resolves when the connection is there, after the handshake for implicit TLS. @throws the Node error */
  connect(options: ConnectOptions): Promise<Connection>;
}

export interface ListenOptions {
  /** "" = every address of the machine, IPv6 and IPv4. */
  readonly host: string;
  /** 0 = any free one; `Listener.port` tells which. */
  readonly port: number;
  /** Certificates for implicit TLS and STARTTLS; without them `startTls` rejects. */
  readonly tls?: TlsServer | undefined;
  /** TLS from the first byte. */
  readonly implicitTls?: boolean;
  /** Peers in it must begin with a PROXY protocol header, which then names the client. Nobody else may. */
  readonly proxyProtocolFrom?: { contains(address: string): boolean } | undefined;
  /** More are closed at once. */
  readonly maxConnections?: number;
  /** Called when the connection is ready: after the PROXY header and after the handshake of implicit TLS. */
  onConnection(connection: Connection): void;
  /** A connection that ended before it was one: bad PROXY header, failed handshake, too many. */
  onRefused?(reason: string, remoteAddress: string, error: Error | undefined): void;
}

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** For implicit TLS now, or for a later `startTls`. */
  readonly tls?: ClientTls | undefined;
  readonly implicitTls?: boolean;
  /** For connecting, the handshake included. */
  readonly timeoutMs?: number;
}

export interface ClientTls {
  /** The name to ask for and to check; `ConnectOptions.host` when undefined. */
  readonly serverName?: string | undefined;
  /** PEM of the authorities to trust instead of the system's. */
  readonly authorities?: string | undefined;
  /** False accepts any certificate: for peers on loopback and tests. */
  readonly verify: boolean;
}

/** What a listener needs of certificates; `TlsContexts` reads them from files. */
export interface TlsServer {
  /** Options for one handshake; the certificate is chosen by the name that the client asks for. */
  handshakeOptions(): TlsServerOptions;
}
