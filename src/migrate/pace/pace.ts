/**
 * How fast mail may be taken from source hosts, over all workers: the operator's limits, and those that a host taught by
 * asking for less, in words or by getting slow (S4.22 is about connections, which the queue counts). One row a host in the database is the common
 * bucket; a process reserves slices of half a second from it, so no message waits for a round trip.
 *
 * A database that does not answer stops nobody: the last known limits hold in each process.
 */
import type { Clock } from "../../base/io/clock.ts";
import type { SqlDatabase } from "../../base/io/sql/port.ts";
import { updateSchema } from "../../base/io/sql/schema.ts";
import type { Log } from "../../base/log.ts";
import type { Pace } from "../engine.ts";
import type { SourceHost } from "../model.ts";
import { Bucket } from "./bucket.ts";
import { type HostKey, HostRow, type HostState } from "./host-row.ts";
import { PACE_NAME, PACE_SCHEMA } from "./schema.ts";
import { BestRates } from "./best-rates.ts";
import { type Answer, Slowness } from "./slowness.ts";

/** Between two looks at what other workers have learned. */
const LOOK_MS = 1000;

export interface PacesPorts {
  readonly database: SqlDatabase;
  readonly clock: Clock;
  /** The time that all workers agree on. */
  readonly nowMs: () => number;
  readonly log: Log;
  /** Hears how a host stands, whenever that is asked of the database. */
  readonly onState?: (host: HostKey, state: HostState) => void;
}

/** Of a process: jobs of one host share what it has reserved. */
export class Paces {
  readonly #ports: PacesPorts;
  readonly #hosts = new Map<string, HostPace>();

  private constructor(ports: PacesPorts) {
    this.#ports = ports;
  }

  /** Makes or updates its table. @throws SqlError */
  static async open(ports: PacesPorts): Promise<Paces> {
    await updateSchema(ports.database, PACE_NAME, PACE_SCHEMA);
    return new Paces(ports);
  }

  of(host: SourceHost, signal: AbortSignal): Pace {
    const key = `${host.source}\0${host.name}`;
    let pace = this.#hosts.get(key);
    if (pace === undefined) {
      pace = new HostPace(this.#ports, { source: host.source, host: host.name });
      this.#hosts.set(key, pace);
    }
    pace.limits = host;
    const shared = pace;
    return {
      take: (messages, bytes) => shared.take(messages, bytes, signal),
      answered: (answer) => shared.answered(answer),
      backOff: (reason) => shared.backOff(reason),
    };
  }
}

type Limits = Pick<SourceHost, "maxMessagesPerSecond" | "maxBytesPerSecond">;

class HostPace {
  limits: Limits = { maxMessagesPerSecond: 0, maxBytesPerSecond: 0 };
  readonly #ports: PacesPorts;
  readonly #key: HostKey;
  readonly #row: HostRow;
  readonly #messages: Bucket;
  readonly #bytes: Bucket;
  readonly #slowness = new Slowness();
  readonly #rates = new BestRates();
  #state: HostState | undefined;
  #lookedMs = Number.NEGATIVE_INFINITY;
  #untoldMessages = 0;
  #untoldBytes = 0;
  /** Takers come one after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(ports: PacesPorts, key: HostKey) {
    this.#ports = ports;
    this.#key = key;
    this.#row = new HostRow(ports.database, key, ports.nowMs);
    this.#messages = new Bucket(this.#row, "message");
    this.#bytes = new Bucket(this.#row, "byte");
  }

  async take(messages: number, bytes: number, signal: AbortSignal): Promise<void> {
    this.#untoldMessages += messages;
    this.#untoldBytes += bytes;
    const mine = this.#turn.then(() => this.#take(messages, bytes, signal));
    this.#turn = mine.catch(() => undefined);
    await mine;
  }

  /**
   * More connections wait longer for their answers, and the host gives out as much as ever: it is slow when it gives out
   * less, too.
   */
  answered(answer: Answer): void {
    const reason = this.#slowness.add(answer);
    if (reason === undefined) return;
    const { log } = this.#ports;
    if (this.#rates.haveFallen(this.#state)) this.backOff(reason);
    else log.debug("source host answers later, and gives out as much", { ...this.#key, reason });
  }

  backOff(reason: string): void {
    const { log } = this.#ports;
    log.warn("source host asks for less", { ...this.#key, reason });
    void this.#tell(this.#row.backOff(reason));
  }

  async #take(messages: number, bytes: number, signal: AbortSignal): Promise<void> {
    const { clock, nowMs } = this.#ports;
    signal.throwIfAborted();
    const sinceMs = clock.monotonicMs() - this.#lookedMs;
    if (sinceMs >= LOOK_MS) {
      this.#lookedMs = clock.monotonicMs();
      const told = this.#row.tell(this.#untoldMessages, this.#untoldBytes);
      this.#untoldMessages = 0;
      this.#untoldBytes = 0;
      const done = this.#tell(told);
      // Only a host that is limited, or not known yet, makes its jobs wait for the answer.
      if (this.#state === undefined || this.#isLimited) await done;
    }
    let freeMs = this.#state?.pauseUntilMs ?? 0;
    if (this.#isLimited) {
      try {
        freeMs = Math.max(
          freeMs,
          await this.#messages.take(messages, this.#rate("Messages")),
          await this.#bytes.take(bytes, this.#rate("Bytes")),
        );
      } catch (error) {
        this.#ports.log.warn("pace cannot be kept with other workers", { ...this.#key, err: error });
      }
    }
    const waitMs = freeMs - nowMs();
    if (waitMs > 0) await this.#wait(waitMs, signal);
  }

  get #isLimited(): boolean {
    return Number.isFinite(this.#rate("Messages")) || Number.isFinite(this.#rate("Bytes"));
  }

  /** The lower one of the operator's limit and the learned one. */
  #rate(kind: "Messages" | "Bytes"): number {
    const limits = [this.limits[`max${kind}PerSecond`], this.#state?.[`learned${kind}`] ?? 0];
    return Math.min(...limits.map((limit) => (limit > 0 ? limit : Number.POSITIVE_INFINITY)));
  }

  async #tell(told: Promise<HostState>): Promise<void> {
    try {
      this.#state = await told;
      this.#rates.add(this.#state);
      this.#ports.onState?.(this.#key, this.#state);
    } catch (error) {
      this.#ports.log.warn("pace of other workers is not known", { ...this.#key, err: error });
    }
  }

  #wait(delayMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        timer.cancel();
        reject(signal.reason instanceof Error ? signal.reason : new Error("stopped"));
      };
      const timer = this.#ports.clock.setTimer(delayMs, () => {
        signal.removeEventListener("abort", aborted);
        resolve();
      });
      signal.addEventListener("abort", aborted, { once: true });
    });
  }
}
