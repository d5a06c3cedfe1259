/**
 * Loaded into a server with `--import`: how long its session thread works at a stretch, in CPU time, so that a busy
 * machine does not count. Everything between two turns of the event loop is one stretch. Stretches and collections of
 * garbage over NOTED_MS go to the file that STRETCHES_FILE names when the process ends, a line of JSON each.
 */
import { appendFileSync } from "node:fs";
import { performance, PerformanceObserver } from "node:perf_hooks";
import { isMainThread } from "node:worker_threads";

const NOTED_MS = 5;
const MAX_NOTED = 100_000;

interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
  readonly cpuMs: number;
  /** Its end on the clock of CPU profiles. */
  readonly monoUs: number;
}

interface Collection {
  readonly gcMs: number;
  readonly detail: unknown;
}

const file = process.env["STRETCHES_FILE"];
if (isMainThread && file !== undefined) {
  const noted: (Stretch | Collection)[] = [];
  const note = (one: Stretch | Collection): void => {
    if (noted.length < MAX_NOTED) noted.push(one);
  };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const detail: unknown = Reflect.get(entry, "detail");
      if (entry.duration >= NOTED_MS) note({ gcMs: entry.duration, detail });
    }
  }).observe({ entryTypes: ["gc"] });
  const cpuNow = (): number => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1000;
  };
  let cpuMs = cpuNow();
  let atMs = performance.now();
  const mark = (): void => {
    const cpu = cpuNow();
    const now = performance.now();
    if (cpu - cpuMs >= NOTED_MS) {
      const monoUs = Number(process.hrtime.bigint() / 1000n);
      note({ fromMs: atMs, toMs: now, cpuMs: cpu - cpuMs, monoUs });
    }
    cpuMs = cpu;
    atMs = now;
  };
  // A timer each millisecond and an immediate after it see every turn of the loop that is not much shorter.
  setInterval(() => {
    mark();
    setImmediate(mark);
  }, 1).unref();
  process.on("exit", () => appendFileSync(file, noted.map((one) => `${JSON.stringify(one)}\n`).join("")));
}
