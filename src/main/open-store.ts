import type { DiskStore } from "../store/disk-store.ts";
import type { OpenStoreOptions } from "../store/open.ts";

/** Loaded when it is needed: the store brings a native module and a worker, most commands need neither. */
export async function openStore(options: OpenStoreOptions): Promise<DiskStore> {
  const room = await import("../store/open.ts");
  return room.openStore(options);
}
