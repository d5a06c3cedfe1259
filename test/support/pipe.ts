/** Two ends of a connection in memory: what one writes, the other receives in a later turn. For sessions without sockets. */
import type { Connection, TlsState } from "../../src/base/io/network.ts";

export const TEST_TLS: TlsState = {
  protocol: "TLSv1.3",
  cipher: "TLS_AES_128_GCM_SHA256",
  serverName: "",
  channelBinding: () => undefined,
};

export class PipeEnd implements Connection {
  readonly remoteAddress = "192.0.2.1";
  readonly remotePort = 40_000;
  readonly localAddress = "192.0.2.2";
  readonly localPort = 143;
  tls: TlsState | undefined;
  /** Completes the TLS handshake of the server side. */
  tlsStarted: (() => void) | undefined;
  #peer: PipeEnd = this;
  #receive: ((chunk: Buffer) => void) | undefined;
  #drained: (() => void) | undefined;
  #closed: ((error: Error | undefined) => void) | undefined;
  #incoming: Buffer[] = [];
  #incomingBytes = 0;
  #paused = false;
  #scheduled = false;
  #ending = false;
  #isClosed = false;

  static pair(tls?: TlsState): [server: PipeEnd, client: PipeEnd] {
    const server = new PipeEnd();
    const client = new PipeEnd();
    server.#peer = client;
    client.#peer = server;
    server.tls = client.tls = tls;
    return [server, client];
  }

  get bufferedBytes(): number {
    return this.#peer.#incomingBytes ?? 0;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  onData(receive: (chunk: Buffer) => void): void {
    this.#receive = receive;
    this.#schedule();
  }

  onDrain(resume: () => void): void {
    this.#drained = resume;
  }

  onClose(closed: (error: Error | undefined) => void): void {
    this.#closed = closed;
  }

  write(bytes: Buffer | string): void {
    if (this.#isClosed || this.#ending) return;
    const peer = this.#peer;
    // A copy: a writer that changed its buffer afterwards would be found out on a real socket only sometimes.
    const copy = Buffer.from(bytes);
    peer.#incoming.push(copy);
    peer.#incomingBytes += copy.length;
    peer.#schedule();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#schedule();
  }

  startTls(): Promise<void> {
    this.#incoming = [];
    this.#incomingBytes = 0;
    this.tls = TEST_TLS;
    this.tlsStarted?.();
    return Promise.resolve();
  }

  end(lastWords?: Buffer | string): void {
    if (lastWords !== undefined) this.write(lastWords);
    this.#ending = true;
    this.#peer.#schedule();
    setImmediate(() => this.#close());
  }

  destroy(): void {
    this.#close();
    this.#peer.#schedule();
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ending = true;
    this.#closed?.(undefined);
    this.#peer.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    if (this.#isClosed || this.#paused || this.#receive === undefined) return;
    if (this.#incoming.length > 0) {
      const bytes = Buffer.concat(this.#incoming);
      this.#incoming = [];
      this.#incomingBytes = 0;
      this.#receive(bytes);
      this.#peer.#drained?.();
    }
    if (this.#peer.#ending && this.#incoming.length === 0) this.#close();
  }
}
