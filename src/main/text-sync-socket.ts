/**
 * The text dialect of replication on a Unix socket in the data folder, mode 0600: `rookery sync-server --stdio` passes
 * its standard input and output on to it, so that whoever may log in by SSH as the owner of the data needs no password.
 */
import { once } from "node:events";
import { chmodSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { SocketConnection } from "../base/io/socket-connection.ts";
import type { SyncServices } from "../sync/dialogue.ts";
import { TextSession } from "../sync/text/text-session.ts";

const SOCKET_FILE = "sync.sock";
const MAX_SESSIONS = 100;
const ADDRESSES = { remoteAddress: "", remotePort: 0, localAddress: "", localPort: 0 };

export interface TextSyncSocket {
  /** Says goodbye to the sessions and stops listening. */
  close(): Promise<void>;
}

export function textSyncSocketPath(dataFolder: string): string {
  return join(dataFolder, SOCKET_FILE);
}

/** Call with the folder's lock held: a socket file that is there was left by a process that is gone. */
export async function openTextSyncSocket(
  dataFolder: string,
  services: SyncServices,
): Promise<TextSyncSocket> {
  const path = textSyncSocketPath(dataFolder);
  const sessions = new Set<TextSession>();
  const server = createServer((socket) => {
    const connection = new SocketConnection(socket, ADDRESSES, undefined);
    const session: TextSession = new TextSession(connection, services, () => sessions.delete(session));
    sessions.add(session);
  });
  server.maxConnections = MAX_SESSIONS;
  rmSync(path, { force: true });
  // The umask, not a later chmod alone, keeps others out from the first moment.
  const umask = process.umask(0o177);
  try {
    server.listen(path);
    await once(server, "listening");
  } finally {
    process.umask(umask);
  }
  chmodSync(path, 0o600);
  return {
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session.shutDown();
      await closed;
    },
  };
}
