/**
 * A process that migrates mail and serves no mail programs is told to keep its memory small: young objects of V8 in one megabyte
 * instead of sixteen, an old heap that grows by little before it is collected, few threads and arenas beside it. That
 * costs some seven in a hundred of its time and halves what twenty users at once take (docs/benchmarks.md).
 *
 * V8 takes such settings only when it starts, so the process begins anew, with the same id and the same open files.
 */
import type { Role } from "./node-options.ts";

/**
 * The limit of the old heap is far above what is used. It is here since V8 lets a heap that may become large grow
 * fourfold before it collects it, and one of a gigabyte by little more than a half.
 */
export const LEAN_FLAGS = ["--max-semi-space-size=1", "--max-old-space-size=1024", "--v8-pool-size=2"];
/** For glibc: one arena whose end is given back at once, and blocks of the network's size apart, not between small ones. */
export const LEAN_ENVIRONMENT = {
  MALLOC_ARENA_MAX: "1",
  MALLOC_MMAP_THRESHOLD_: "65536",
  MALLOC_TRIM_THRESHOLD_: "65536",
  MALLOC_TOP_PAD_: "65536",
};

/** Pages of the store's index in the committer; a batch of copied mail needs few. */
const INDEX_CACHE_BYTES = 4 * 2 ** 20;

/** What a store in this process is opened with. */
export function leanStore(execArgv: readonly string[] = process.execArgv): { indexCacheBytes?: number } {
  return LEAN_FLAGS.every((flag) => execArgv.includes(flag)) ? { indexCacheBytes: INDEX_CACHE_BYTES } : {};
}

/** What an operator says about memory himself is left alone. */
const OWN_SETTINGS = /--max-(semi-space|old-space|heap)-size|--max_(semi_space|old_space|heap)_size/;

export interface StartedAs {
  readonly execArgv: readonly string[];
  readonly nodeOptions: string | undefined;
  /** A parent talks to it, through a channel that does not outlive its beginning anew. */
  readonly hasChannel: boolean;
}

/** @param servesMail mail programs, phones or an MTA come to this process, too: how much they need nobody knows */
export function shouldBeLean(
  roles: readonly Role[],
  servesMail: boolean,
  { execArgv, nodeOptions, hasChannel }: StartedAs,
): boolean {
  if (!roles.includes("worker") || servesMail || hasChannel) return false;
  return !OWN_SETTINGS.test(`${execArgv.join(" ")} ${nodeOptions ?? ""}`);
}

/** Call before anything is opened: when it should be lean and is not, it does not return. */
export function beginLean(roles: readonly Role[], servesMail: boolean): void {
  const { execPath, execArgv, argv, env } = process;
  const startedAs = { execArgv, nodeOptions: env["NODE_OPTIONS"], hasChannel: process.send !== undefined };
  if (!shouldBeLean(roles, servesMail, startedAs)) return;
  process.execve?.(execPath, [execPath, ...LEAN_FLAGS, ...execArgv, ...argv.slice(1)], {
    ...LEAN_ENVIRONMENT,
    ...env,
  });
}
