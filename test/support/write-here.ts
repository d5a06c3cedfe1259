import type { QueueDatabase } from "../../src/queue/queue-database.ts";
import { QUEUE_CHANGES, type QueueWriter } from "../../src/queue/queue-writer.ts";

/** Changes of the queue without a thread: durable before the promise is there, so simulated time can pass. */
export function writeHere(database: QueueDatabase): QueueWriter {
  const changes = Object.fromEntries(
    QUEUE_CHANGES.map((name) => {
      const change = database[name].bind(database) as (...parameters: readonly unknown[]) => unknown;
      return [name, (...parameters: unknown[]) => Promise.try(change, ...parameters)];
    }),
  );
  return Object.defineProperty(changes, "count", { get: () => database.count }) as unknown as QueueWriter;
}
