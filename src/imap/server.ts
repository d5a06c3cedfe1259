/**
 * The IMAP room: takes connections, makes a session of each, ends them all when asked. Which sockets they are and
 * whether TLS is on already is not its business (`main/` listens).
 */
import type { Connection } from "../base/io/network.ts";
import type { Command } from "./command.ts";
import { ColumnCache } from "./columns/cache.ts";
import { commandTable } from "./commands/table.ts";
import { ChangeHub } from "./notify/change-hub.ts";
import type { ImapServices } from "./services.ts";
import { Session, type SharedState } from "./session.ts";
import { SharedTurns } from "./shared-turns.ts";

export class ImapServer {
  readonly #services: ImapServices;
  readonly #table: ReadonlyMap<string, Command>;
  readonly #shared: SharedState;
  readonly #sessions = new Set<Session>();
  #nextId = 1;
  #closing = false;

  constructor(services: ImapServices) {
    this.#services = services;
    this.#shared = {
      columns: new ColumnCache(),
      changes: new ChangeHub(services.store),
      turns: new SharedTurns(services.clock),
    };
    this.#table = commandTable(services.extraCommands);
  }

  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  accept(connection: Connection): void {
    if (this.#closing) {
      connection.end("* BYE Server is shutting down\r\n");
      return;
    }
    const session = new Session(
      this.#services,
      this.#shared,
      connection,
      this.#nextId++,
      this.#table,
      (ended) => {
        this.#sessions.delete(ended);
      },
    );
    this.#sessions.add(session);
    session.start();
  }

  /** Says BYE to everybody. */
  close(): void {
    this.#closing = true;
    for (const session of this.#sessions) session.bye("Server is shutting down");
  }

  /** Ends the sessions of a user: after his account was disabled or his mailboxes moved. */
  disconnect(userId: string, reason: string): void {
    for (const session of this.#sessions) if (session.identity?.userId === userId) session.bye(reason);
  }
}
