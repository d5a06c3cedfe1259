import type { Connection } from "../base/io/network.ts";
import type { Random } from "../base/io/random.ts";
import type { LmtpPorts } from "./ports.ts";
import { LmtpSession } from "./session.ts";

/** All LMTP sessions of a node: `accept` is what a listener calls for each connection. */
export class LmtpServer {
  readonly #ports: LmtpPorts;
  readonly #sessions = new Set<LmtpSession>();
  /** Session ids: unlike those of an earlier run, then counted. */
  readonly #run: string;
  #count = 0;
  #stopping = false;

  constructor(ports: LmtpPorts & { readonly random: Random }) {
    this.#ports = ports;
    this.#run = ports.random.bytes(4).toString("hex");
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  accept(connection: Connection): void {
    if (this.#stopping || this.#sessions.size >= this.#ports.settings.maxConnections) {
      connection.end(
        this.#stopping
          ? "421 4.3.2 Shutting down\r\n"
          : "421 4.7.0 Too many connections, try again later\r\n",
      );
      return;
    }
    this.#count += 1;
    const session: LmtpSession = new LmtpSession(
      connection,
      this.#ports,
      `l${this.#run}-${this.#count.toString(36)}`,
      () => this.#sessions.delete(session),
    );
    this.#sessions.add(session);
  }

  /** Lets messages that are on their way be answered; the owner of the sockets cuts what does not end. */
  shutDown(): void {
    this.#stopping = true;
    for (const session of this.#sessions) session.shutDown();
  }
}
