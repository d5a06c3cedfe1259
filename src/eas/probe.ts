/**
 * Does ActiveSync work for a user, and how fast? Does what a phone does first: OPTIONS, Provision, FolderSync, the first
 * Sync of the inbox. Verdicts and exit codes are those of monitoring plug-ins (S2.46): 0 OK, 1 WARNING, 2 ERROR.
 */
import type { Clock } from "../base/io/clock.ts";
import { type EasClient, EasClientError } from "./client.ts";
import { folderSync, sync, syncedCollection } from "./client-commands.ts";

export interface ProbeStep {
  readonly name: string;
  readonly tookMs: number;
}

export interface ProbeResult {
  readonly status: "OK" | "WARNING" | "ERROR";
  readonly steps: readonly ProbeStep[];
  readonly totalMs: number;
  readonly message: string;
}

export const PROBE_EXIT_CODES: Record<ProbeResult["status"], 0 | 1 | 2> = { OK: 0, WARNING: 1, ERROR: 2 };
const INBOX = 2;
const WINDOW_SIZE = 10;
const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

/** Never rejects. @param warnMs slower than this is a warning */
export async function probe(client: EasClient, warnMs: number, clock: Clock): Promise<ProbeResult> {
  const startedMs = clock.monotonicMs();
  const steps: ProbeStep[] = [];
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const sinceMs = clock.monotonicMs();
    try {
      return await work();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(`${name} failed: ${reason}${hintAt(client, error)}`, { cause: error });
    } finally {
      steps.push({ name, tookMs: Math.round(clock.monotonicMs() - sinceMs) });
    }
  };
  const result = (status: ProbeResult["status"], message: string): ProbeResult => ({
    status,
    steps,
    totalMs: Math.round(clock.monotonicMs() - startedMs),
    message,
  });
  try {
    await step("OPTIONS", () => client.options());
    const folders = await step("FolderSync", () => folderSync(client));
    const inbox = folders.adds.find(({ type }) => type === INBOX);
    if (inbox === undefined) return result("ERROR", `FolderSync got status ${folders.status} and no inbox`);
    await step("Sync", () => firstSync(client, inbox.serverId));
  } catch (error) {
    return result("ERROR", error instanceof Error ? error.message : String(error));
  }
  const totalMs = Math.round(clock.monotonicMs() - startedMs);
  return totalMs > warnMs ? result("WARNING", `slower than ${warnMs} ms`) : result("OK", "a phone can sync");
}

/** What the commonest mistakes look like from here. */
function hintAt({ settings }: EasClient, error: unknown): string {
  const isPlain = settings.url.toLowerCase().startsWith("http:");
  if (error instanceof EasClientError) {
    if (error.status === UNAUTHORIZED) return " (wrong name or password)";
    if (isPlain && error.status === FORBIDDEN) {
      return " (TLS demanded? Use https, or set directory.allowplaintext)";
    }
    return "";
  }
  return error instanceof Error && /certificate/i.test(error.message)
    ? " (phones refuse it as well, or ask; with --no-verify the probe takes it)"
    : "";
}

async function firstSync(client: EasClient, collectionId: string): Promise<void> {
  let syncKey = "0";
  for (const phase of ["first", "second"]) {
    const root = await sync(client, [{ syncKey, collectionId, windowSize: WINDOW_SIZE }]);
    const answer = syncedCollection(root, collectionId);
    if (phase === "second" && root === undefined) return;
    if (answer?.status !== 1) throw new Error(`the ${phase} answer has status ${answer?.status ?? "none"}`);
    syncKey = answer.syncKey;
  }
}

/** One line, for monitoring: `OK: a phone can sync | OPTIONS=3ms FolderSync=12ms Sync=20ms total=35ms`. */
export function probeLine({ status, steps, totalMs, message }: ProbeResult): string {
  const times = steps.map(({ name, tookMs }) => `${name}=${tookMs}ms`);
  return `${status}: ${message} | ${[...times, `total=${totalMs}ms`].join(" ")}`;
}
