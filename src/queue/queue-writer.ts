import type { QueueDatabase } from "./queue-database.ts";

/** Methods of `QueueDatabase` that change the file and wait for the disk. */
export const QUEUE_CHANGES = [
  "add",
  "addAll",
  "remove",
  "postpone",
  "markHandingOver",
  "holdBack",
  "hurry",
  "remember",
  "sweep",
  "takeUncertain",
] as const;

export type QueueChange = (typeof QUEUE_CHANGES)[number];

/** The same from another thread: durable when it resolves, in the order they were asked for. */
export type QueueWriter = {
  readonly [Name in QueueChange]: (
    ...parameters: Parameters<QueueDatabase[Name]>
  ) => Promise<ReturnType<QueueDatabase[Name]>>;
} & {
  /** Mails in the file, as of the last change that resolved. */
  readonly count: number;
};

/** What the session thread reads itself: microseconds, and never waits for a writer (WAL). */
export type QueueReader = Pick<
  QueueDatabase,
  "due" | "nextDueMs" | "find" | "body" | "list" | "isRemembered" | "domains" | "rateOf"
>;

export interface QueueRequest {
  readonly change: QueueChange;
  readonly parameters: readonly unknown[];
}

export interface QueueReply {
  readonly answer?: unknown;
  /** Message of what was thrown. */
  readonly error?: string;
  readonly count: number;
}
