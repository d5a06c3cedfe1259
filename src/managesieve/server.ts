import type { Connection } from "../base/io/network.ts";
import { printResponse } from "./codec/writer.ts";
import { ManagesieveSession, type ManagesievePorts } from "./session.ts";

/** All ManageSieve sessions of a node: `accept` is what a listener calls for each connection. */
export class ManagesieveServer {
  readonly #ports: ManagesievePorts;
  readonly #sessions = new Set<ManagesieveSession>();
  #count = 0;
  #stopping = false;

  constructor(ports: ManagesievePorts) {
    this.#ports = ports;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  accept(connection: Connection): void {
    if (this.#stopping || this.#sessions.size >= this.#ports.settings.maxConnections) {
      const reason = this.#stopping ? "Shutting down" : "Too many connections";
      connection.end(printResponse("BYE", reason, "TRYLATER"));
      return;
    }
    this.#count += 1;
    const session: ManagesieveSession = new ManagesieveSession(connection, this.#ports, this.#count, () =>
      this.#sessions.delete(session),
    );
    this.#sessions.add(session);
  }

  shutDown(): void {
    this.#stopping = true;
    for (const session of this.#sessions) session.shutDown("Shutting down");
  }

  /** Ends the sessions of a user: after his account was disabled or his mailboxes moved. */
  disconnect(userId: string, reason: string): void {
    for (const session of this.#sessions) {
      if (session.identity?.userId === userId) session.shutDown(reason);
    }
  }
}
