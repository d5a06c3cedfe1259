import { systemDisk } from "../base/io/system-disk.ts";
import type { HealthCheck } from "../http/health.ts";
import type { Platform } from "./platform.ts";

/** Below it appends are about to fail; load balancers should send new mail elsewhere. */
const MIN_FREE_BYTES = 64 * 2 ** 20;

/** What `/health` looks at: each is cheap, so that a probe a second costs nothing. */
export function healthChecks(
  { store, directory }: Pick<Platform, "store" | "directory">,
  dataFolder: string,
): Readonly<Record<string, HealthCheck>> {
  return {
    store: () => failureOf(() => void store.feed.head),
    // Asks LDAP where that is the directory.
    directory: () => failureOf(() => directory.directory.findUser("postmaster")),
    disk: () =>
      systemDisk.space(dataFolder).freeBytes < MIN_FREE_BYTES ? "almost no free space is left" : undefined,
  };
}

async function failureOf(check: () => unknown): Promise<string | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
