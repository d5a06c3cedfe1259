import type { Connection } from "../base/io/network.ts";
import { MaildropLocks } from "./maildrop-locks.ts";
import { Pop3Session, type Pop3Ports } from "./session.ts";

/** All POP3 sessions of a node: `accept` is what a listener calls for each connection. */
export class Pop3Server {
  readonly #ports: Pop3Ports;
  readonly #locks = new MaildropLocks();
  readonly #sessions = new Set<Pop3Session>();
  #count = 0;
  #stopping = false;

  constructor(ports: Pop3Ports) {
    this.#ports = ports;
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  accept(connection: Connection): void {
    if (this.#stopping || this.#sessions.size >= this.#ports.settings.maxConnections) {
      const reason = this.#stopping ? "Shutting down" : "Too many connections, try again later";
      connection.end(`-ERR [SYS/TEMP] ${reason}\r\n`);
      return;
    }
    this.#count += 1;
    const session: Pop3Session = new Pop3Session(connection, this.#ports, this.#locks, this.#count, () =>
      this.#sessions.delete(session),
    );
    this.#sessions.add(session);
  }

  /** Sessions that are removing messages finish that; the owner of the sockets cuts what does not end. */
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
