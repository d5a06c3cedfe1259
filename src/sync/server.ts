import type { Connection } from "../base/io/network.ts";
import { SyncSession, type SyncPorts } from "./session.ts";

/** All csync sessions of a node: `accept` is what a listener calls for each connection. */
export class SyncServer {
  readonly #ports: SyncPorts;
  readonly #sessions = new Set<SyncSession>();
  #isStopping = false;

  constructor(ports: SyncPorts) {
    this.#ports = ports;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  accept(connection: Connection): void {
    if (this.#isStopping || this.#sessions.size >= this.#ports.settings.maxConnections) {
      connection.end(this.#isStopping ? "BYE shutting down\r\n" : "BYE too many connections\r\n");
      return;
    }
    const session: SyncSession = new SyncSession(connection, this.#ports, () =>
      this.#sessions.delete(session),
    );
    this.#sessions.add(session);
  }

  shutDown(): void {
    this.#isStopping = true;
    for (const session of this.#sessions) session.shutDown();
  }
}
