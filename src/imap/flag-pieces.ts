/** Changes of flags of many messages, a piece at a time. */
import type { Uid } from "../base/numbers.ts";
import type { FlagChange, StoreFlagsResult } from "../store/port.ts";
import type { Session } from "./session.ts";

/** Changed in one commit. */
const PIECE_MESSAGES = 8192;

/**
 * A change of a hundred thousand messages would keep the committer from everybody else's, and its news this thread. So
 * it goes in pieces, the next one on its way while this one is told; STORE need not be all or nothing.
 */
export async function* changeInPieces(
  { selected, services: { store: mail }, by }: Session,
  uids: readonly Uid[],
  change: FlagChange,
): AsyncGenerator<{ readonly asked: readonly Uid[]; readonly result: StoreFlagsResult }> {
  const start = (from: number): Promise<StoreFlagsResult> | undefined => {
    if (from > 0 && from >= uids.length) return undefined;
    const result = mail.storeFlags(selected.id, uids.slice(from, from + PIECE_MESSAGES), change, by);
    // Its failure is thrown where it is awaited, also when the one before fails.
    result.catch(() => {});
    return result;
  };
  let next = start(0);
  for (let from = 0; next !== undefined; from += PIECE_MESSAGES) {
    const result: StoreFlagsResult = await next;
    next = start(from + PIECE_MESSAGES);
    yield { asked: uids.slice(from, from + PIECE_MESSAGES), result };
  }
}
