import type { Target } from "./clients.ts";
import type { MailPool } from "./mail.ts";
import type { Sample } from "./sample.ts";

/** What a scenario runs with; one for each server, kept over the rounds. */
export interface Context {
  readonly target: Target;
  readonly size: Size;
  /** Messages of 2 to 80 KiB, mean 10 KiB. */
  readonly mixed: MailPool;
  /** Messages of 2 KiB. */
  readonly small: MailPool;
  readonly users: readonly string[];
  /** Set-ups that ran, by name. */
  readonly done: Set<string>;
  /** How often a row ran, so that every server gets the same questions. */
  readonly turns: Map<string, number>;
}

export interface Size {
  /** Of one run of a row that counts operations. */
  readonly durationMs: number;
  readonly bigMessages: number;
  /** Messages of the rows that read or change many. */
  readonly manyMessages: number;
  readonly idleConnections: number;
  /** For servers with a process for each connection. */
  readonly idleConnectionsOfPeers: number;
}

export interface Scenario {
  /** For `--only`. */
  readonly row: string;
  readonly title: string;
  /** rate = operations a second, time = milliseconds an operation. */
  readonly shows: "rate" | "time" | "memory";
  /** How many times the better peer's rate is the goal. */
  readonly goal: number;
  readonly setUp?: (context: Context) => Promise<void>;
  /** Not measured, before every run. */
  readonly before?: (context: Context) => Promise<void>;
  readonly run: (context: Context) => Promise<Sample>;
  /** Not measured, after every run and after the server's use was read. */
  readonly after?: (context: Context) => Promise<void>;
}
