import { existsSync } from "node:fs";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/io/clock.ts";
import type { Random } from "../base/io/random.ts";
import type { Log } from "../base/log.ts";
import type { Metrics } from "../base/metrics.ts";
import type { Store } from "../store/port.ts";

export interface StoreOptions {
  /** The data folder. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Where the store room exports `openStore`. */
const STORE_MODULES = ["../store/open.ts", "../store/store.ts"].map((path) => new URL(path, import.meta.url));

/** Loaded when it is needed: the store brings a native module and a worker, most commands need neither. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const room = STORE_MODULES.find((url) => existsSync(url));
  assert(room !== undefined, "this checkout has no store");
  const module = (await import(room.href)) as { openStore(options: StoreOptions): Promise<Store> };
  return module.openStore(options);
}
