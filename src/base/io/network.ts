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
