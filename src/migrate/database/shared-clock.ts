import type { Clock } from "../../base/io/clock.ts";
import type { SqlDatabase } from "../../base/io/sql/port.ts";

/**
 * The time that schedulers and workers agree on: the database server's, so that clocks of machines that differ cannot
 * end a lease early. Over SQLite all of them run on one machine, whose clock it is.
 */
export class SharedClock {
  readonly #database: SqlDatabase;
  readonly #clock: Clock;
  #offsetMs = 0;

  constructor(database: SqlDatabase, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  nowMs(): number {
    return Math.round(this.#clock.nowMs() + this.#offsetMs);
  }

  /** Compares with the server's clock; half of the way there and back is the error. @throws SqlError */
  async synchronize(): Promise<void> {
    if (this.#database.dialect === "sqlite") return;
    const beforeMs = this.#clock.nowMs();
    const [row] = await this.#database.query(
      "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint) AS now",
    );
    const afterMs = this.#clock.nowMs();
    this.#offsetMs = Number(row?.["now"]) - (beforeMs + afterMs) / 2;
  }
}
