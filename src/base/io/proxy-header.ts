import type { Socket } from "node:net";
import { beginsLikeProxyHeader, parseProxyHeader } from "../proxy-protocol.ts";
import type { Addresses } from "./socket-connection.ts";

/** A proxy sends its header in its first segment, with or before the client's bytes. */
const HEADER_TIMEOUT_MS = 10_000;

/**
 * Takes the PROXY protocol header off the start of a connection; what follows it stays to be read.
 * undefined: the proxy speaks for itself (LOCAL, UNKNOWN). @throws Error when there is no header
 */
export function readProxyHeader(socket: Socket): Promise<Addresses | undefined> {
  return read(socket, false);
}

/** The same where the proxy may also begin with the protocol itself: undefined then too. */
export function readOptionalProxyHeader(socket: Socket): Promise<Addresses | undefined> {
  return read(socket, true);
}

function read(socket: Socket, optional: boolean): Promise<Addresses | undefined> {
  return new Promise((resolve, reject) => {
    let seen: Buffer = Buffer.alloc(0);
    const timer = setTimeout(() => finish(new Error("no PROXY header in time")), HEADER_TIMEOUT_MS);
    const onClose = (): void => finish(new Error("peer closed the connection before its PROXY header"));
    const onError = (error: Error): void => finish(error);
    const onReadable = (): void => {
      const chunk: unknown = socket.read();
      if (!Buffer.isBuffer(chunk)) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      if (optional && !beginsLikeProxyHeader(seen)) {
        finish(undefined, undefined, seen);
        return;
      }
      try {
        const header = parseProxyHeader(seen);
        if (header === undefined) return;
        finish(undefined, header.client, seen.subarray(header.length));
      } catch (error) {
        finish(error instanceof Error ? error : new Error(String(error)));
      }
    };
    const finish = (error: Error | undefined, client?: Addresses, rest?: Buffer): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("close", onClose).off("error", onError);
      if (error !== undefined) {
        reject(error);
        return;
      }
      if (rest !== undefined && rest.length > 0) socket.unshift(rest);
      resolve(client);
    };
    socket.on("readable", onReadable).on("close", onClose).on("error", onError);
  });
}
