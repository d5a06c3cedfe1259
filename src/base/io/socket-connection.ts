import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { unmapped } from "../networks.ts";
import type { Connection, TlsState } from "./network.ts";
import { PACE_BYTES, PacedWrites } from "./paced-writes.ts";
import { SocketTlsState } from "./tls-state.ts";

/** A peer that neither takes its last bytes nor closes is dropped after this. */
const LINGER_MS = 30_000;
/** A handshake takes a few round trips; more is somebody holding the connection. */
const HANDSHAKE_TIMEOUT_MS = 30_000;
/** Up to here pending writes are copied into one buffer: cheaper than a vectored write. */
const GATHER_BYTES = 64 * 1024;

/** Makes the TLS socket over a clear one. */
export type Secure = (clear: Socket) => { socket: TLSSocket; established: "secure" | "secureConnect" };

/** Where a connection comes from and goes to; behind a proxy this is what its PROXY header says. */
export interface Addresses {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/**
 * A connection over a socket of the machine. Kept small, since most connections are idle: no timers, no read buffer,
 * and handlers that are methods of one object.
 */
export class SocketConnection implements Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  tls: TlsState | undefined;
  readonly givesChunksAway = true;

  #socket: Socket;
  readonly #secure: Secure | undefined;
  #receive: ((chunk: Buffer) => void) | undefined;
  #resume: (() => void) | undefined;
  #closed: ((error: Error | undefined) => void) | undefined;
  #error: Error | undefined;
  #state: "open" | "ending" | "closed" = "open";
  #pending: (Buffer | string)[] = [];
  #pendingBytes = 0;
  /** Where TLS has, or had, more to write than it should have at one time. */
  #paced: PacedWrites | undefined;
  /** Somebody saw that bytes wait, and so may wait for `onDrain`. */
  #drainAwaited = false;

  constructor(socket: Socket, addresses: Addresses, secure: Secure | undefined) {
    this.remoteAddress = addresses.remoteAddress;
    this.remotePort = addresses.remotePort;
    this.localAddress = addresses.localAddress;
    this.localPort = addresses.localPort;
    this.#secure = secure;
    this.#socket = socket;
    this.#attach();
  }

  get bufferedBytes(): number {
    const bytes = this.#pendingBytes + this.#socket.writableLength + (this.#paced?.waitingBytes ?? 0);
    if (bytes > 0) this.#drainAwaited = true;
    return bytes;
  }

  onData(receive: (chunk: Buffer) => void): void {
    const first = this.#receive === undefined;
    this.#receive = receive;
    // Nothing is read before there is a receiver.
    if (first && this.#state !== "closed") this.#socket.on("data", this.#onData);
  }

  onDrain(resume: () => void): void {
    this.#resume = resume;
  }

  onClose(closed: (error: Error | undefined) => void): void {
    this.#closed = closed;
    if (this.#state === "closed") process.nextTick(() => this.#tellClosed());
  }

  write(bytes: Buffer | string): void {
    if (this.#state !== "open" || bytes.length === 0) return;
    if (this.#pending.length === 0) process.nextTick(flush, this);
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
  }

  /** Hands what was gathered in this turn to the socket. */
  flush(): void {
    const pending = this.#pending;
    const [first] = pending;
    if (first === undefined) return;
    const bytes = this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#state === "closed" || !this.#socket.writable) return;
    if (this.tls !== undefined && (bytes > PACE_BYTES || (this.#paced?.waitingBytes ?? 0) > 0)) {
      this.#paced ??= new PacedWrites(this.#socket, this.#onWritten);
      this.#paced.write(pending.map(toBuffer));
    } else if (pending.length === 1) this.#socket.write(first, this.#onWritten);
    else if (pending.every((piece) => typeof piece === "string")) {
      this.#socket.write(pending.join(""), this.#onWritten);
    } else if (bytes <= GATHER_BYTES)
      this.#socket.write(Buffer.concat(pending.map(toBuffer)), this.#onWritten);
    else {
      this.#socket.cork();
      for (const piece of pending.slice(0, -1)) this.#socket.write(piece);
      this.#socket.write(pending.at(-1) ?? "", this.#onWritten);
      this.#socket.uncork();
    }
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    // Without a receiver reading would lose what comes.
    if (this.#receive !== undefined) this.#socket.resume();
  }

  startTls(): Promise<void> {
    return this.beginTls("drop");
  }

  /** @param clearBytes "keep" only for implicit TLS, where what follows a PROXY header is already the handshake. */
  async beginTls(clearBytes: "drop" | "keep"): Promise<void> {
    if (this.#secure === undefined) throw new Error("TLS was asked for on a connection without certificates");
    if (this.tls !== undefined) throw new Error("TLS was asked for twice");
    if (this.#state !== "open") throw new Error("TLS was asked for on a closed connection");
    this.flush();
    const clear = this.#socket;
    clear.pause();
    clear.off("data", this.#onData).off("close", this.#onClose);
    // What the peer sent in the clear after STARTTLS must not be taken as sent under TLS (CVE-2011-0411).
    if (clearBytes === "drop") while (clear.read() !== null);
    const { socket, established } = this.#secure(clear);
    this.#socket = socket;
    this.#attach();
    await this.#handshake(socket, established);
  }

  end(lastWords?: Buffer | string): void {
    if (this.#state !== "open") return;
    if (lastWords !== undefined) this.write(lastWords);
    this.flush();
    this.#state = "ending";
    this.#receive ??= ignore;
    // Reads on, into nothing, so that the peer's close is seen.
    this.#socket.off("data", this.#onData).on("data", ignore).resume();
    if (this.#paced === undefined) this.#socket.end();
    else this.#paced.end();
    const linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
    linger.unref();
    this.#socket.once("close", () => clearTimeout(linger));
  }

  destroy(): void {
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#socket.destroy();
  }

  #attach(): void {
    const socket = this.#socket;
    socket.on("error", this.#onError).on("close", this.#onClose);
    // Errors of TLS before Node's own server would have taken over; they are not "error" events.
    if (socket instanceof TLSSocket) socket.on("_tlsError", this.#onTlsError);
    if (this.#receive !== undefined) socket.on("data", this.#onData);
  }

  #handshake(socket: TLSSocket, established: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => socket.destroy(new Error("TLS handshake took too long")),
        HANDSHAKE_TIMEOUT_MS,
      );
      const failed = (): void => {
        clearTimeout(timer);
        reject(this.#error ?? new Error("peer closed the connection during the TLS handshake"));
      };
      socket.once("close", failed);
      socket.once(established, () => {
        clearTimeout(timer);
        socket.off("close", failed);
        this.tls = new SocketTlsState(socket, established === "secure");
        resolve();
      });
    });
  }

  /** A bug in a session ends that session, which hears of it in `onClose`, and no other. */
  #fail(error: unknown): void {
    this.#error ??= error instanceof Error ? error : new Error(String(error));
    this.destroy();
  }

  #tellClosed(): void {
    const closed = this.#closed;
    this.#closed = undefined;
    closed?.(this.#error);
  }

  // Fields and not methods: the socket calls them without `this`.
  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#receive?.(chunk);
    } catch (error) {
      this.#fail(error);
    }
  };

  readonly #onError = (error: Error): void => {
    this.#error ??= error;
  };

  readonly #onTlsError = (error: Error): void => {
    this.#error ??= error;
    this.#socket.destroy();
  };

  readonly #onClose = (): void => {
    this.#state = "closed";
    this.#tellClosed();
  };

  readonly #onWritten = (): void => {
    if (!this.#drainAwaited || this.#pendingBytes > 0 || this.#socket.writableLength > 0) return;
    if ((this.#paced?.waitingBytes ?? 0) > 0) return;
    this.#drainAwaited = false;
    try {
      this.#resume?.();
    } catch (error) {
      this.#fail(error);
    }
  };
}

/** The addresses as the socket knows them; "unix" for both ends of a Unix socket. */
export function addressesOf(socket: Socket): Addresses {
  return {
    remoteAddress: unmapped(socket.remoteAddress ?? "unix"),
    remotePort: socket.remotePort ?? 0,
    localAddress: unmapped(socket.localAddress ?? "unix"),
    localPort: socket.localPort ?? 0,
  };
}

function flush(connection: SocketConnection): void {
  connection.flush();
}

function toBuffer(piece: Buffer | string): Buffer {
  return typeof piece === "string" ? Buffer.from(piece) : piece;
}

function ignore(): void {}
