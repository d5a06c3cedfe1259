/**
 * Loaded into a server with `--import`: how long its session thread works at a stretch, in CPU time, so that a busy
 * machine does not count. Everything between two turns of the event loop is one stretch. The figures go to standard
 * error when the process ends; every stretch over NOTED_MS goes to the file that STRETCHES_FILE names.
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
  /** Of that, collecting garbage (wall clock). */
  readonly gcMs: number;
  /** Its end on the clock of CPU profiles. */
  readonly monoUs: number;
}

const file = process.env["STRETCHES_FILE"];
if (isMainThread && file !== undefined) {
  const noted: Stretch[] = [];
  let gcMs = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) gcMs += duration;
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
    if (cpu - cpuMs >= NOTED_MS && noted.length < MAX_NOTED) {
      noted.push({
        fromMs: atMs,
        toMs: now,
        cpuMs: cpu - cpuMs,
        gcMs,
        monoUs: Number(process.hrtime.bigint() / 1000n),
      });
    }
    gcMs = 0;
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
