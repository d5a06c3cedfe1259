/** The real store in a folder of its own, which commits in this thread: for tests of rooms that stand above it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreError } from "../../src/store/errors.ts";
import { openStore } from "../../src/store/open.ts";
import type { NameChange, Store } from "../../src/store/port.ts";
import { SimClock } from "../sim/sim-clock.ts";
import { SimRandom } from "../sim/sim-random.ts";

export interface InlineStore {
  readonly store: Store;
  readonly clock: SimClock;
  /** Refuses every write with this, as when the user is served elsewhere. */
  refuseWith: StoreError | undefined;
  close(): Promise<void>;
}

export interface InlineStoreOptions {
  /** Hears of each change of names before it is made; what it throws stops the change. */
  readonly onNameChange?: (change: NameChange) => void;
}

export async function openInlineStore(options: InlineStoreOptions = {}): Promise<InlineStore> {
  const folder = mkdtempSync(join(tmpdir(), "rookery-store-"));
  const clock = new SimClock();
  const guard = {
    check() {
      if (inline.refuseWith !== undefined) throw inline.refuseWith;
    },
  };
  const authority = {
    async reserve(changes: readonly NameChange[]) {
      for (const change of changes) options.onNameChange?.(change);
      return Promise.resolve({ activate: () => Promise.resolve(), release: () => Promise.resolve() });
    },
  };
  // The same unique ids in each run.
  const random = new SimRandom(1);
  const store = await openStore({ folder, clock, random, inline: true, guard, authority });
  const inline: InlineStore = {
    store,
    clock,
    refuseWith: undefined,
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return inline;
}
