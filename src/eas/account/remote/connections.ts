/**
 * The IMAP connections of one user, shared by all requests of his devices. Each is lent to one at a time, so that what is
 * selected stays selected; one that has the wanted folder open already is preferred.
 */
import { BoundedQueue } from "../../../base/bounded-queue.ts";
import type { Clock, Timer } from "../../../base/io/clock.ts";
import type { ImapClient } from "../../../imap/client.ts";
import type { ImapLink } from "../../../imap/client-connect.ts";
import { ImapClientError } from "../../../imap/client-command.ts";
import { AccountError } from "../port.ts";
import { accountFailure } from "./failure.ts";

export interface ConnectionBounds {
  readonly maxConnections: number;
  readonly keepMs: number;
}

/** A connection while somebody has it. */
export interface Lent {
  readonly client: ImapClient;
  readonly capabilities: ReadonlySet<string>;
  /** What is selected: whoever selects or closes sets it. */
  selected: Selected | undefined;
}

export interface Selected {
  /** The folder's key. */
  readonly key: string;
  readonly uidValidity: number;
  readonly highestModseq: number;
  readonly uidNext: number;
  /** Which SELECT of all this was: of two connections with a folder open the later one has seen more. */
  readonly generation: number;
}

interface Kept extends Lent {
  timer: Timer | undefined;
  broken: boolean;
}

/** Requests of one user that wait for a connection. */
const MAX_WAITING = 200;

export class UserConnections {
  readonly #connect: () => Promise<ImapLink>;
  readonly #bounds: ConnectionBounds;
  readonly #clock: Clock;
  readonly #idle: Kept[] = [];
  readonly #waiting = new BoundedQueue<() => void>({ maxItems: MAX_WAITING });
  #open = 0;
  #closed = false;

  constructor(connect: () => Promise<ImapLink>, bounds: ConnectionBounds, clock: Clock) {
    this.#connect = connect;
    this.#bounds = bounds;
    this.#clock = clock;
  }

  get openCount(): number {
    return this.#open;
  }

  /**
   * Lends a connection to `work` and takes it back. When one that lay idle turns out to be dead before it said anything,
   * `work` runs once more on a new one, so it must be harmless to repeat unless `repeatable` is false.
   * @throws AccountError unavailable, credentials_invalid, and what `work` throws
   */
  async use<Result>(
    work: (lent: Lent) => Promise<Result>,
    options: { readonly prefer?: string; readonly repeatable?: boolean } = {},
  ): Promise<Result> {
    const kept = await this.#take(options.prefer);
    try {
      return await this.#run(kept.connection, work);
    } catch (error) {
      const died = kept.reused && kept.connection.broken && error instanceof ImapClientError;
      if (!died || options.repeatable === false) throw accountFailure(error);
    }
    const again = await this.#take(undefined, true);
    try {
      return await this.#run(again.connection, work);
    } catch (error) {
      throw accountFailure(error);
    }
  }

  /** Logs in when nobody did so far: proves the password. @throws as `use` */
  async prove(): Promise<void> {
    if (this.#open > 0) return;
    await this.use(() => Promise.resolve());
  }

  close(): void {
    this.#closed = true;
    for (const kept of this.#idle.splice(0)) this.#drop(kept);
  }

  async #run<Result>(kept: Kept, work: (lent: Lent) => Promise<Result>): Promise<Result> {
    try {
      return await work(kept);
    } catch (error) {
      if (error instanceof ImapClientError) kept.broken = true;
      throw error;
    } finally {
      this.#giveBack(kept);
    }
  }

  async #take(
    prefer: string | undefined,
    fresh = false,
  ): Promise<{ readonly connection: Kept; readonly reused: boolean }> {
    while (!this.#closed) {
      if (!fresh) {
        const index = this.#idle.findIndex(
          ({ selected }) => prefer !== undefined && selected?.key === prefer,
        );
        const [kept] = this.#idle.splice(index < 0 ? this.#idle.length - 1 : index, 1);
        if (kept !== undefined) {
          kept.timer?.cancel();
          return { connection: kept, reused: true };
        }
      }
      if (this.#open < this.#bounds.maxConnections) return { connection: await this.#dial(), reused: false };
      const [oldest] = fresh ? this.#idle.splice(0, 1) : [];
      if (oldest !== undefined) this.#drop(oldest);
      else await this.#wait();
    }
    throw new AccountError("unavailable", "the gateway is stopping");
  }

  async #dial(): Promise<Kept> {
    this.#open += 1;
    try {
      const { client, capabilities } = await this.#connect();
      return { client, capabilities, selected: undefined, timer: undefined, broken: false };
    } catch (error) {
      this.#open -= 1;
      this.#waiting.poll()?.();
      throw accountFailure(error);
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (!this.#waiting.offer(resolve)) {
        reject(new AccountError("unavailable", "too many requests of this user wait for a connection"));
      }
    });
  }

  #giveBack(kept: Kept): void {
    if (kept.broken || this.#closed) this.#drop(kept);
    else {
      this.#idle.push(kept);
      kept.timer = this.#clock.setTimer(this.#bounds.keepMs, () => {
        const index = this.#idle.indexOf(kept);
        if (index >= 0) this.#drop(this.#idle.splice(index, 1)[0]!);
      });
      this.#waiting.poll()?.();
    }
  }

  #drop(kept: Kept): void {
    kept.timer?.cancel();
    this.#open -= 1;
    if (kept.broken) kept.client.destroy();
    else {
      kept.client.command("LOGOUT").catch(() => undefined);
      kept.client.close();
    }
    this.#waiting.poll()?.();
  }
}
