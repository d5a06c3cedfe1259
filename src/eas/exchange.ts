/** One request on its way through the server: what came from HTTP, and what is known of it so far. */
import type { Clock } from "../base/io/clock.ts";
import type { Account } from "./account/port.ts";
import type { RequestSummary } from "./command.ts";
import type { RequestContext } from "./logs/request-logs.ts";
import type { Query } from "./query-string.ts";
import type { ProtocolVersion } from "./version.ts";

/** A request as `routes.ts` takes it from HTTP. */
export interface Intake {
  readonly method: string;
  /** What stands after "?", escaped. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly remoteAddress: string;
  readonly tls: boolean;
  /** Reads the body, once. @param count hears of each piece, and may throw @throws BodyTooLarge */
  body(maxBytes: number, count: (bytes: number) => void): Promise<Buffer>;
  /** Aborted when the client went away. */
  readonly gone: AbortSignal;
}

export class BodyTooLarge extends Error {
  override name = "BodyTooLarge";
}

/** Assumed when the client names no version: the oldest that is spoken by devices. */
export const FALLBACK_VERSION: ProtocolVersion = 121;

/** What is known of a request so far. */
export class Exchange {
  readonly intake: Intake;
  readonly controller = new AbortController();
  readonly summary: RequestSummary = {
    inChange: 0,
    inDelete: 0,
    inFetch: 0,
    outChange: 0,
    outDelete: 0,
    outFetch: 0,
  };
  readonly startedMs: number;
  readonly #number: number;
  query: Query | undefined;
  version: ProtocolVersion = FALLBACK_VERSION;
  account: Account | undefined;
  body: Buffer = Buffer.alloc(0);
  tracing = false;
  heldMs = 0;
  #user = "";

  constructor(intake: Intake, number: number, startedMs: number) {
    this.intake = intake;
    this.#number = number;
    this.startedMs = startedMs;
  }

  readonly setUser = (user: string): void => {
    this.#user = user;
  };

  readonly context = (): RequestContext => ({
    command: this.query?.command ?? this.intake.method,
    request: this.#number,
    user: this.#user,
    device: this.query?.deviceId ?? "",
  });

  async held<T>(clock: Clock, hold: () => Promise<T>): Promise<T> {
    const sinceMs = clock.monotonicMs();
    try {
      return await hold();
    } finally {
      this.heldMs += clock.monotonicMs() - sinceMs;
    }
  }
}
