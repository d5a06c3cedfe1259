/** Opens the store for tests that stand above it or crash it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Clock } from "../../src/base/io/clock.ts";
import type { Disk } from "../../src/base/io/disk.ts";
import type { Random } from "../../src/base/io/random.ts";
import type { Store } from "../../src/store/port.ts";

export interface OpenOptions {
  readonly folder: string;
  readonly disk?: Disk;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Commits in this thread, so that a simulated crash ends the caller. */
  readonly inline?: boolean;
}

interface StoreModule {
  openStore(options: OpenOptions): Promise<Store>;
}

const MODULE = join(import.meta.dirname, "../../src/store/store.ts");

/** For `test`'s `skip`: false, or the reason. */
export const storeMissing = existsSync(MODULE) ? false : "src/store/store.ts is not there";

export async function openStore(options: OpenOptions): Promise<Store> {
  const module = (await import(pathToFileURL(MODULE).href)) as StoreModule;
  return await module.openStore(options);
}
